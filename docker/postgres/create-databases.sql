-- Run once, when the volume is new. The results database is there already; Prefect has one of its own.
CREATE DATABASE prefect;
