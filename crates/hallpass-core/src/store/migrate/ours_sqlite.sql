-- Our own tables on SQLite.

-- table hallpass_outbox
CREATE TABLE "hallpass_outbox" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "created_at" datetime NOT NULL,
    "letter" varchar(100) NOT NULL,
    "recipient" varchar(320) NOT NULL,
    "sealed" text NOT NULL,
    "attempts" integer NOT NULL DEFAULT 0,
    "next_attempt_at" datetime NOT NULL,
    "locked_until" datetime NULL,
    "expires_at" datetime NULL,
    "dead_at" datetime NULL,
    "last_error" text NOT NULL DEFAULT ''
);
CREATE INDEX "hallpass_outbox_due" ON "hallpass_outbox" ("next_attempt_at") WHERE "dead_at" IS NULL;

-- table hallpass_event
CREATE TABLE "hallpass_event" (
    "id" integer NOT NULL PRIMARY KEY AUTOINCREMENT,
    "at" datetime NOT NULL,
    "kind" varchar(64) NOT NULL,
    "user_id" {user_key} NULL,
    "ip" char(39) NULL,
    "user_agent" varchar(200) NOT NULL,
    "method" varchar(32) NOT NULL,
    "reason" varchar(64) NOT NULL,
    "subject" varchar(64) NULL,
    "data" text NOT NULL
);
CREATE INDEX "hallpass_event_subject" ON "hallpass_event" ("subject") WHERE "subject" IS NOT NULL;
CREATE INDEX "hallpass_event_user" ON "hallpass_event" ("user_id", "at");
CREATE INDEX "hallpass_event_at" ON "hallpass_event" ("at");

-- table hallpass_limit
CREATE TABLE "hallpass_limit" (
    "key" varchar(64) NOT NULL PRIMARY KEY,
    "hits" text NOT NULL,
    "expires_at" datetime NOT NULL
);
CREATE INDEX "hallpass_limit_expires" ON "hallpass_limit" ("expires_at");

-- table hallpass_spent
CREATE TABLE "hallpass_spent" (
    "digest" varchar(64) NOT NULL PRIMARY KEY,
    "expires_at" datetime NOT NULL
);
CREATE INDEX "hallpass_spent_expires" ON "hallpass_spent" ("expires_at");

-- table hallpass_revoked_link
CREATE TABLE "hallpass_revoked_link" (
    "digest" varchar(64) NOT NULL PRIMARY KEY,
    "expires_at" datetime NOT NULL
);
CREATE INDEX "hallpass_revoked_link_expires" ON "hallpass_revoked_link" ("expires_at");

-- table hallpass_code
CREATE TABLE "hallpass_code" (
    "id" varchar(43) NOT NULL PRIMARY KEY,
    "purpose" varchar(32) NOT NULL,
    "user_id" {user_key} NULL,
    "recipient" varchar(320) NOT NULL,
    "code" varchar(64) NOT NULL,
    "link" varchar(64) NULL,
    "attempts" integer NOT NULL,
    "resends" integer NOT NULL,
    "changes" integer NOT NULL,
    "created_at" datetime NOT NULL,
    "expires_at" datetime NOT NULL
);
CREATE INDEX "hallpass_code_link" ON "hallpass_code" ("link") WHERE "link" IS NOT NULL;
CREATE INDEX "hallpass_code_user" ON "hallpass_code" ("user_id");
CREATE INDEX "hallpass_code_expires" ON "hallpass_code" ("expires_at");

-- table hallpass_phone
CREATE TABLE "hallpass_phone" (
    "user_id" {user_key} NOT NULL PRIMARY KEY REFERENCES {users} ON DELETE CASCADE,
    "phone" varchar(20) NOT NULL,
    "verified" bool NOT NULL,
    "changed_at" datetime NOT NULL
);
CREATE INDEX "hallpass_phone_number" ON "hallpass_phone" ("phone");
CREATE UNIQUE INDEX "hallpass_phone_verified" ON "hallpass_phone" ("phone") WHERE "verified" = 1;

-- table hallpass_extra
CREATE TABLE "hallpass_extra" (
    "user_id" {user_key} NOT NULL PRIMARY KEY REFERENCES {users} ON DELETE CASCADE,
    "data" text NOT NULL
);

-- table hallpass_refresh
CREATE TABLE "hallpass_refresh" (
    "jti" varchar(255) NOT NULL PRIMARY KEY,
    "family" varchar(255) NOT NULL,
    "user_id" {user_key} NOT NULL REFERENCES {users} ON DELETE CASCADE,
    "issued_at" datetime NOT NULL,
    "expires_at" datetime NOT NULL,
    "successor" varchar(255) NULL,
    "rotated_at" datetime NULL,
    "ended_at" datetime NULL
);
CREATE INDEX "hallpass_refresh_family" ON "hallpass_refresh" ("family");
CREATE INDEX "hallpass_refresh_user" ON "hallpass_refresh" ("user_id");
CREATE INDEX "hallpass_refresh_expires" ON "hallpass_refresh" ("expires_at");

-- table hallpass_social_state
CREATE TABLE "hallpass_social_state" (
    "digest" varchar(64) NOT NULL PRIMARY KEY,
    "browser" varchar(64) NOT NULL,
    "provider" varchar(200) NOT NULL,
    "data" text NOT NULL,
    "expires_at" datetime NOT NULL
);
CREATE INDEX "hallpass_social_state_browser" ON "hallpass_social_state" ("browser");
CREATE INDEX "hallpass_social_state_expires" ON "hallpass_social_state" ("expires_at");

-- table hallpass_social_secret
CREATE TABLE "hallpass_social_secret" (
    "app_id" integer NOT NULL PRIMARY KEY REFERENCES "socialaccount_socialapp" ("id") ON DELETE CASCADE,
    "sealed" text NOT NULL
);

-- table hallpass_vouched
CREATE TABLE "hallpass_vouched" (
    "address_id" integer NOT NULL PRIMARY KEY REFERENCES "account_emailaddress" ("id") ON DELETE CASCADE,
    "provider" varchar(200) NOT NULL
);
