-- The tables of the port's bench as a port makes them, without keys and indexes: for tools that bring data alone.
CREATE TABLE account (id bigint NOT NULL, name text NOT NULL, created timestamp, active boolean NOT NULL, balance double precision, note text);
CREATE TABLE event (id bigint NOT NULL, account_id bigint NOT NULL, kind bigint NOT NULL, amount bigint, at bigint NOT NULL);
CREATE TABLE document (id bigint NOT NULL, account_id bigint NOT NULL, body jsonb NOT NULL);
CREATE TABLE attachment (id bigint NOT NULL, document_id bigint NOT NULL, name text, content bytea);
