-- The database and its four roles. Run once by a superuser, before the first migration:
--
--   psql -d postgres -v owner_password=... -v app_password=... -v safety_password=... \
--        -f deploy/roles.sql
--
-- It may be run again: what exists is kept. The embedded server of ./run runs this same file
-- (without passwords: there, entering the socket's folder is the authentication).
--
--   portal_owner      owns the database and migrates it: DATABASE_OWNER_URL. CREATEDB is for the
--                     tests only; take it away on a production server.
--   portal_app        everything else: DATABASE_URL. Owns nothing, so it can neither alter a table
--                     nor switch off a trigger; what it may do is granted by the migrations.
--   portal_safety     logs in for what must not wait, with connections that the server keeps back
--                     (reserved_connections, from PostgreSQL 16 on), and at once acts as portal_app:
--                     DATABASE_SAFETY_URL. It has no right of its own.
--   portal_unblinded  may read the allocation schema. The application takes this role for one
--                     transaction (SET LOCAL ROLE) and inherits nothing from it otherwise.
--
-- Needs PostgreSQL 15 or newer.

\set ON_ERROR_STOP on

SELECT 'CREATE ROLE portal_owner LOGIN CREATEDB NOCREATEROLE NOSUPERUSER'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'portal_owner') \gexec
SELECT 'CREATE ROLE portal_app LOGIN NOINHERIT NOCREATEDB NOCREATEROLE NOSUPERUSER'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'portal_app') \gexec
SELECT 'CREATE ROLE portal_safety LOGIN NOINHERIT NOCREATEDB NOCREATEROLE NOSUPERUSER'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'portal_safety') \gexec
SELECT 'CREATE ROLE portal_unblinded NOLOGIN NOCREATEDB NOCREATEROLE NOSUPERUSER'
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'portal_unblinded') \gexec

\if :{?owner_password}
ALTER ROLE portal_owner PASSWORD :'owner_password';
\endif
\if :{?app_password}
ALTER ROLE portal_app PASSWORD :'app_password';
\endif
\if :{?safety_password}
ALTER ROLE portal_safety PASSWORD :'safety_password';
\endif

-- From version 16 on inheritance belongs to the grant; before, NOINHERIT of the role has to do.
SELECT current_setting('server_version_num')::int >= 160000 AS grants_say_inherit \gset
\if :grants_say_inherit
GRANT portal_unblinded TO portal_app WITH INHERIT FALSE, SET TRUE;
GRANT portal_unblinded TO portal_owner WITH INHERIT FALSE, SET TRUE;
GRANT portal_app TO portal_safety WITH INHERIT FALSE, SET TRUE;
GRANT pg_use_reserved_connections TO portal_safety WITH INHERIT TRUE, SET FALSE;
\else
GRANT portal_unblinded TO portal_app;
GRANT portal_unblinded TO portal_owner;
GRANT portal_app TO portal_safety;
\endif

SELECT 'CREATE DATABASE portal OWNER portal_owner'
 WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'portal') \gexec

-- Nobody else connects, and the application makes no temporary tables: one could hide a real one.
REVOKE ALL ON DATABASE portal FROM PUBLIC;
GRANT CONNECT ON DATABASE portal TO portal_app, portal_safety;
