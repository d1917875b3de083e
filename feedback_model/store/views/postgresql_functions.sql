-- Bytes as text, for PostgreSQL: U+0000, which its text cannot hold, and what is no UTF-8 are shown escaped.
CREATE OR REPLACE FUNCTION feedback_text(raw bytea) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    RETURN convert_from(raw, 'UTF8');
EXCEPTION WHEN OTHERS THEN
    RETURN encode(raw, 'escape');
END
$$
