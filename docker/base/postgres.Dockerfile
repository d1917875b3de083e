# What compose.yaml needs of the image `postgres`, from Debian's package.
ARG BASE
FROM ${BASE}
RUN apt-get update --quiet && apt-get install --yes --quiet --no-install-recommends postgresql
COPY postgres-entry /usr/local/bin/
ENV PGDATA=/var/lib/postgresql/data PATH=/usr/lib/postgresql/15/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin
VOLUME /var/lib/postgresql/data
ENTRYPOINT ["postgres-entry"]
