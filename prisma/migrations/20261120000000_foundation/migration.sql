-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "consciousness";

-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "devices";

-- CreateSchema
CREATE SCHEMA IF NOT EXISTS "kernel";

-- CreateTable
CREATE TABLE "consciousness"."nodes" (
    "workspace_id" TEXT NOT NULL,
    "index" INTEGER NOT NULL,
    "device_id" TEXT,
    "metric" TEXT,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "nodes_pkey" PRIMARY KEY ("workspace_id","index")
);

-- CreateTable
CREATE TABLE "consciousness"."known_devices" (
    "workspace_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "metrics" TEXT[],

    CONSTRAINT "known_devices_pkey" PRIMARY KEY ("workspace_id","id")
);

-- CreateTable
CREATE TABLE "consciousness"."samples" (
    "workspace_id" TEXT NOT NULL,
    "sequence" BIGSERIAL NOT NULL,
    "sampled_at" TIMESTAMPTZ(3) NOT NULL,
    "coherence" DOUBLE PRECISION,
    "window_ms" INTEGER NOT NULL,
    "nodes" JSONB NOT NULL,

    CONSTRAINT "samples_pkey" PRIMARY KEY ("workspace_id","sequence")
);

-- CreateTable
CREATE TABLE "consciousness"."sample_retention" (
    "workspace_id" TEXT NOT NULL,
    "pruned_sequence" BIGINT NOT NULL,

    CONSTRAINT "sample_retention_pkey" PRIMARY KEY ("workspace_id")
);

-- CreateTable
CREATE TABLE "devices"."devices" (
    "workspace_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "description" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "devices_pkey" PRIMARY KEY ("workspace_id","id")
);

-- CreateTable
CREATE TABLE "devices"."device_metrics" (
    "workspace_id" TEXT NOT NULL,
    "device_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "unit" TEXT NOT NULL,
    "description" TEXT,
    "minimum" DOUBLE PRECISION,
    "maximum" DOUBLE PRECISION,
    "position" INTEGER NOT NULL,

    CONSTRAINT "device_metrics_pkey" PRIMARY KEY ("workspace_id","device_id","name")
);

-- CreateTable
CREATE TABLE "devices"."readings" (
    "workspace_id" TEXT NOT NULL,
    "device_id" TEXT NOT NULL,
    "metric" TEXT NOT NULL,
    "measured_at" TIMESTAMPTZ(6) NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL,
    "value" DOUBLE PRECISION NOT NULL,
    "unit" TEXT NOT NULL,
    "sequence" BIGINT NOT NULL,

    CONSTRAINT "readings_pkey" PRIMARY KEY ("workspace_id","device_id","metric","measured_at")
);

-- CreateTable
CREATE TABLE "devices"."reading_streams" (
    "workspace_id" TEXT NOT NULL,
    "newest_sequence" BIGINT NOT NULL DEFAULT 0,
    "pruned_sequence" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "reading_streams_pkey" PRIMARY KEY ("workspace_id")
);

-- CreateTable
CREATE TABLE "kernel"."events" (
    "workspace_id" TEXT NOT NULL,
    "sequence" BIGSERIAL NOT NULL,
    "id" TEXT NOT NULL,
    "source" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "subject" TEXT,
    "time" TIMESTAMPTZ(3) NOT NULL,
    "data_content_type" TEXT NOT NULL DEFAULT 'application/json',
    "data" JSONB NOT NULL,
    "traceparent" TEXT,

    CONSTRAINT "events_pkey" PRIMARY KEY ("workspace_id","id")
);

-- CreateTable
CREATE TABLE "kernel"."event_cursors" (
    "workspace_id" TEXT NOT NULL,
    "consumer" TEXT NOT NULL,
    "sequence" BIGINT NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "event_cursors_pkey" PRIMARY KEY ("workspace_id","consumer")
);

-- CreateIndex
CREATE UNIQUE INDEX "nodes_workspace_id_device_id_metric_key" ON "consciousness"."nodes"("workspace_id", "device_id", "metric");

-- CreateIndex
CREATE INDEX "known_devices_workspace_id_name_idx" ON "consciousness"."known_devices"("workspace_id", "name");

-- CreateIndex
CREATE UNIQUE INDEX "samples_workspace_id_sampled_at_key" ON "consciousness"."samples"("workspace_id", "sampled_at");

-- CreateIndex
CREATE INDEX "devices_workspace_id_created_at_id_idx" ON "devices"."devices"("workspace_id", "created_at", "id");

-- CreateIndex
CREATE UNIQUE INDEX "devices_workspace_id_name_key" ON "devices"."devices"("workspace_id", "name");

-- CreateIndex
CREATE UNIQUE INDEX "readings_workspace_id_sequence_key" ON "devices"."readings"("workspace_id", "sequence");

-- CreateIndex
CREATE UNIQUE INDEX "events_sequence_key" ON "kernel"."events"("sequence");

-- CreateIndex
CREATE INDEX "events_workspace_id_sequence_idx" ON "kernel"."events"("workspace_id", "sequence");

-- AddForeignKey
ALTER TABLE "devices"."device_metrics" ADD CONSTRAINT "device_metrics_workspace_id_device_id_fkey" FOREIGN KEY ("workspace_id", "device_id") REFERENCES "devices"."devices"("workspace_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;


