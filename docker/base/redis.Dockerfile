# What compose.yaml needs of the image `redis`, from Debian's package.
ARG BASE
FROM ${BASE}
RUN apt-get update --quiet && apt-get install --yes --quiet --no-install-recommends redis-server \
    && install --directory --owner redis --group redis /data
WORKDIR /data
VOLUME /data
