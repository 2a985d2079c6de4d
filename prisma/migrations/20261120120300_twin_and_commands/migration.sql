-- CreateTable
CREATE TABLE "devices"."device_twins" (
    "workspace_id" TEXT NOT NULL,
    "device_id" TEXT NOT NULL,
    "reported" JSONB NOT NULL DEFAULT '{}',
    "desired" JSONB NOT NULL DEFAULT '{}',
    "version" INTEGER NOT NULL DEFAULT 0,
    "reported_version" INTEGER NOT NULL DEFAULT 0,
    "desired_version" INTEGER NOT NULL DEFAULT 0,
    "delivered_version" INTEGER NOT NULL DEFAULT 0,
    "reported_at" TIMESTAMPTZ(3),
    "desired_at" TIMESTAMPTZ(3),

    CONSTRAINT "device_twins_pkey" PRIMARY KEY ("workspace_id","device_id")
);

-- CreateTable
CREATE TABLE "devices"."twin_changes" (
    "workspace_id" TEXT NOT NULL,
    "device_id" TEXT NOT NULL,
    "version" INTEGER NOT NULL,
    "side" TEXT NOT NULL,
    "patch" JSONB NOT NULL,
    "undo" JSONB NOT NULL,
    "former_version" INTEGER NOT NULL,
    "former_at" TIMESTAMPTZ(3),
    "changed_by" TEXT NOT NULL,
    "changed_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "twin_changes_pkey" PRIMARY KEY ("workspace_id","device_id","version")
);

-- CreateTable
CREATE TABLE "devices"."commands" (
    "workspace_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "sequence" BIGSERIAL NOT NULL,
    "device_id" TEXT NOT NULL,
    "action" TEXT NOT NULL,
    "input" JSONB NOT NULL,
    "payload" TEXT NOT NULL,
    "state" TEXT NOT NULL DEFAULT 'QUEUED',
    "attempts" INTEGER NOT NULL DEFAULT 0,
    "idempotency_key" TEXT,
    "requested_by" TEXT NOT NULL,
    "output" JSONB,
    "error" TEXT,
    "note" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL,
    "expires_at" TIMESTAMPTZ(3) NOT NULL,
    "sent_at" TIMESTAMPTZ(3),
    "delivered_at" TIMESTAMPTZ(3),
    "finished_at" TIMESTAMPTZ(3),
    "lease_until" TIMESTAMPTZ(3),

    CONSTRAINT "commands_pkey" PRIMARY KEY ("workspace_id","id")
);

-- CreateIndex
CREATE INDEX "twin_changes_workspace_id_changed_at_idx" ON "devices"."twin_changes"("workspace_id", "changed_at");

-- CreateIndex
CREATE UNIQUE INDEX "commands_workspace_id_device_id_idempotency_key_key" ON "devices"."commands"("workspace_id", "device_id", "idempotency_key");

-- CreateIndex
CREATE INDEX "commands_workspace_id_device_id_sequence_idx" ON "devices"."commands"("workspace_id", "device_id", "sequence");

-- CreateIndex
CREATE INDEX "commands_workspace_id_finished_at_idx" ON "devices"."commands"("workspace_id", "finished_at");

-- What waits to be sent, by device: few, however many commands there have been.
CREATE INDEX "commands_waiting_idx" ON "devices"."commands"("workspace_id", "device_id", "sequence") WHERE "state" IN ('QUEUED', 'SENT');

-- What may expire.
CREATE INDEX "commands_open_idx" ON "devices"."commands"("workspace_id", "expires_at") WHERE "finished_at" IS NULL;

-- The events that devices have told, which are few among the facts about some devices.
CREATE INDEX "events_device_event_idx" ON "kernel"."events"("workspace_id", "subject", "sequence") WHERE "type" = 'aegis.device.event';

-- AddForeignKey
ALTER TABLE "devices"."device_twins" ADD CONSTRAINT "device_twins_workspace_id_device_id_fkey" FOREIGN KEY ("workspace_id", "device_id") REFERENCES "devices"."devices"("workspace_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "devices"."twin_changes" ADD CONSTRAINT "twin_changes_workspace_id_device_id_fkey" FOREIGN KEY ("workspace_id", "device_id") REFERENCES "devices"."device_twins"("workspace_id", "device_id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "devices"."commands" ADD CONSTRAINT "commands_workspace_id_device_id_fkey" FOREIGN KEY ("workspace_id", "device_id") REFERENCES "devices"."devices"("workspace_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;
