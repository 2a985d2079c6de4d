-- CreateTable
CREATE TABLE "devices"."device_credentials" (
    "workspace_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "device_id" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "label" TEXT,
    "digest" TEXT NOT NULL,
    "username" TEXT,
    "last_four" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3),
    "revoked_at" TIMESTAMPTZ(3),
    "last_used_at" TIMESTAMPTZ(3),

    CONSTRAINT "device_credentials_pkey" PRIMARY KEY ("workspace_id","id"),
    CONSTRAINT "device_credentials_device_fkey" FOREIGN KEY ("workspace_id", "device_id")
        REFERENCES "devices"."devices" ("workspace_id", "id") ON DELETE CASCADE
);

-- CreateTable
CREATE TABLE "devices"."claim_codes" (
    "workspace_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "digest" TEXT NOT NULL,
    "last_four" TEXT NOT NULL,
    "profile" TEXT NOT NULL,
    "profile_version" INTEGER,
    "labels" JSONB NOT NULL DEFAULT '{}',
    "name_prefix" TEXT NOT NULL,
    "max_uses" INTEGER NOT NULL,
    "uses" INTEGER NOT NULL DEFAULT 0,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "revoked_at" TIMESTAMPTZ(3),

    CONSTRAINT "claim_codes_pkey" PRIMARY KEY ("workspace_id","id")
);

-- CreateTable
CREATE TABLE "devices"."device_connectivity" (
    "workspace_id" TEXT NOT NULL,
    "device_id" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "stated" TEXT NOT NULL DEFAULT 'OFFLINE',
    "protocol" TEXT,
    "since" TIMESTAMPTZ(3) NOT NULL,
    "last_seen_at" TIMESTAMPTZ(3),
    "reason" TEXT,
    "holder" TEXT,

    CONSTRAINT "device_connectivity_pkey" PRIMARY KEY ("workspace_id","device_id"),
    CONSTRAINT "device_connectivity_device_fkey" FOREIGN KEY ("workspace_id", "device_id")
        REFERENCES "devices"."devices" ("workspace_id", "id") ON DELETE CASCADE
);

-- CreateTable
CREATE TABLE "devices"."connection_holders" (
    "workspace_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "alive_until" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "connection_holders_pkey" PRIMARY KEY ("workspace_id","id")
);

-- CreateIndex
CREATE UNIQUE INDEX "device_credentials_digest_key" ON "devices"."device_credentials"("digest");

-- CreateIndex
CREATE UNIQUE INDEX "device_credentials_username_key" ON "devices"."device_credentials"("username");

-- CreateIndex
CREATE INDEX "device_credentials_workspace_id_device_id_idx" ON "devices"."device_credentials"("workspace_id", "device_id");

-- CreateIndex
CREATE UNIQUE INDEX "claim_codes_digest_key" ON "devices"."claim_codes"("digest");

-- CreateIndex
CREATE INDEX "claim_codes_workspace_id_created_at_id_idx" ON "devices"."claim_codes"("workspace_id", "created_at", "id");

-- CreateIndex
CREATE INDEX "device_connectivity_workspace_id_state_device_id_idx" ON "devices"."device_connectivity"("workspace_id", "state", "device_id");

-- CreateIndex
CREATE INDEX "device_connectivity_workspace_id_last_seen_at_idx" ON "devices"."device_connectivity"("workspace_id", "last_seen_at");

-- What the event log has not been told yet: a few rows, looked for every second.
CREATE INDEX "device_connectivity_unstated_idx" ON "devices"."device_connectivity"("workspace_id", "since") WHERE "state" <> "stated";
