-- AlterTable
ALTER TABLE "devices"."devices" ADD COLUMN "labels" JSONB NOT NULL DEFAULT '{}';

-- CreateTable
CREATE TABLE "devices"."device_groups" (
    "workspace_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT,
    "selection" JSONB,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "device_groups_pkey" PRIMARY KEY ("workspace_id","id")
);

-- CreateTable
CREATE TABLE "devices"."device_group_members" (
    "workspace_id" TEXT NOT NULL,
    "group_id" TEXT NOT NULL,
    "device_id" TEXT NOT NULL,

    CONSTRAINT "device_group_members_pkey" PRIMARY KEY ("workspace_id","group_id","device_id")
);

-- CreateTable
CREATE TABLE "devices"."runs" (
    "workspace_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "state" TEXT NOT NULL,
    "revision" INTEGER NOT NULL DEFAULT 0,
    "done" INTEGER NOT NULL DEFAULT 0,
    "total" INTEGER,
    "note" TEXT,
    "cancelling" BOOLEAN NOT NULL DEFAULT false,
    "error_code" TEXT,
    "error_message" TEXT,
    "owner" TEXT,
    "leased_until" TIMESTAMPTZ(3),
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "started_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "runs_pkey" PRIMARY KEY ("workspace_id","id")
);

-- CreateTable
CREATE TABLE "devices"."device_imports" (
    "workspace_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "dry_run" BOOLEAN NOT NULL,
    "on_existing" TEXT NOT NULL,
    "header" TEXT[],
    "traceparent" TEXT NOT NULL,

    CONSTRAINT "device_imports_pkey" PRIMARY KEY ("workspace_id","id")
);

-- CreateTable
CREATE TABLE "devices"."device_import_rows" (
    "workspace_id" TEXT NOT NULL,
    "import_id" TEXT NOT NULL,
    "line" INTEGER NOT NULL,
    "name" TEXT NOT NULL,
    "outcome" TEXT NOT NULL,
    "device" JSONB,
    "cells" TEXT[],
    "reason" TEXT,

    CONSTRAINT "device_import_rows_pkey" PRIMARY KEY ("workspace_id","import_id","line")
);

-- CreateTable
CREATE TABLE "devices"."rollouts" (
    "workspace_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "patch" JSONB NOT NULL,
    "expected" JSONB NOT NULL,
    "created_by" TEXT NOT NULL,
    "stages" JSONB NOT NULL,
    "stage" INTEGER NOT NULL DEFAULT 0,
    "rolling_back" BOOLEAN NOT NULL DEFAULT false,
    "max_failure_percent" DOUBLE PRECISION NOT NULL,
    "device_timeout_ms" BIGINT NOT NULL,
    "max_in_flight" INTEGER NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "stage_done_at" TIMESTAMPTZ(3),
    "traceparent" TEXT NOT NULL,

    CONSTRAINT "rollouts_pkey" PRIMARY KEY ("workspace_id","id")
);

-- CreateTable
CREATE TABLE "devices"."rollout_devices" (
    "workspace_id" TEXT NOT NULL,
    "rollout_id" TEXT NOT NULL,
    "device_id" TEXT NOT NULL,
    "stage" INTEGER NOT NULL,
    "position" INTEGER NOT NULL,
    "state" TEXT NOT NULL,
    "former" JSONB,
    "reason" TEXT,
    "forgiven" BOOLEAN NOT NULL DEFAULT false,
    "sent_at" TIMESTAMPTZ(3),
    "seen_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),

    CONSTRAINT "rollout_devices_pkey" PRIMARY KEY ("workspace_id","rollout_id","device_id")
);

-- CreateIndex
CREATE UNIQUE INDEX "device_groups_workspace_id_name_key" ON "devices"."device_groups"("workspace_id", "name");

-- CreateIndex
CREATE INDEX "device_group_members_workspace_id_device_id_idx" ON "devices"."device_group_members"("workspace_id", "device_id");

-- CreateIndex
CREATE INDEX "runs_workspace_id_state_idx" ON "devices"."runs"("workspace_id", "state");

-- CreateIndex
CREATE INDEX "device_import_rows_workspace_id_import_id_outcome_idx" ON "devices"."device_import_rows"("workspace_id", "import_id", "outcome");

-- CreateIndex
CREATE INDEX "rollout_devices_workspace_id_rollout_id_state_stage_idx" ON "devices"."rollout_devices"("workspace_id", "rollout_id", "state", "stage");

-- CreateIndex
CREATE UNIQUE INDEX "rollout_devices_workspace_id_rollout_id_position_key" ON "devices"."rollout_devices"("workspace_id", "rollout_id", "position");

-- AddForeignKey
ALTER TABLE "devices"."device_group_members" ADD CONSTRAINT "device_group_members_workspace_id_group_id_fkey" FOREIGN KEY ("workspace_id", "group_id") REFERENCES "devices"."device_groups"("workspace_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "devices"."device_group_members" ADD CONSTRAINT "device_group_members_workspace_id_device_id_fkey" FOREIGN KEY ("workspace_id", "device_id") REFERENCES "devices"."devices"("workspace_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;
