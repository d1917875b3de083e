"""The database: tables, migrations, views, and every statement that reads or writes them."""
