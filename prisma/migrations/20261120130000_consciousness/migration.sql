-- AlterTable
ALTER TABLE "consciousness"."nodes" ADD COLUMN     "pushed" BOOLEAN NOT NULL DEFAULT false;

-- CreateTable
CREATE TABLE "consciousness"."measurements" (
    "workspace_id" TEXT NOT NULL,
    "sequence" BIGSERIAL NOT NULL,
    "measured_at" TIMESTAMPTZ(3) NOT NULL,
    "phi" DOUBLE PRECISION,
    "coherence" DOUBLE PRECISION,
    "stability" DOUBLE PRECISION,
    "divergence" DOUBLE PRECISION,
    "level" DOUBLE PRECISION,
    "collective_awareness" DOUBLE PRECISION,
    "system_health" DOUBLE PRECISION,
    "simulated" BOOLEAN NOT NULL,
    "detail" JSONB NOT NULL,

    CONSTRAINT "measurements_pkey" PRIMARY KEY ("workspace_id","sequence")
);

-- CreateTable
CREATE TABLE "consciousness"."measurement_retention" (
    "workspace_id" TEXT NOT NULL,
    "pruned_sequence" BIGINT NOT NULL,

    CONSTRAINT "measurement_retention_pkey" PRIMARY KEY ("workspace_id")
);

-- CreateTable
CREATE TABLE "consciousness"."measurement_rollups" (
    "workspace_id" TEXT NOT NULL,
    "step" TEXT NOT NULL,
    "starts_at" TIMESTAMPTZ(3) NOT NULL,
    "count" INTEGER NOT NULL,
    "values" JSONB NOT NULL,

    CONSTRAINT "measurement_rollups_pkey" PRIMARY KEY ("workspace_id","step","starts_at")
);

-- CreateTable
CREATE TABLE "consciousness"."node_reports" (
    "workspace_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "node_index" INTEGER NOT NULL,
    "reported_at" TIMESTAMPTZ(3) NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL,
    "door" TEXT NOT NULL,
    "numbers" JSONB NOT NULL,
    "valid" BOOLEAN NOT NULL,
    "checks" JSONB NOT NULL,
    "reputation" DOUBLE PRECISION NOT NULL,

    CONSTRAINT "node_reports_pkey" PRIMARY KEY ("workspace_id","id")
);

-- CreateTable
CREATE TABLE "consciousness"."node_standings" (
    "workspace_id" TEXT NOT NULL,
    "node_index" INTEGER NOT NULL,
    "reputation" DOUBLE PRECISION NOT NULL,
    "valid" BOOLEAN NOT NULL,
    "level" DOUBLE PRECISION,
    "report_id" TEXT NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "node_standings_pkey" PRIMARY KEY ("workspace_id","node_index")
);

-- CreateTable
CREATE TABLE "consciousness"."thresholds" (
    "workspace_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "metric" TEXT NOT NULL,
    "direction" TEXT NOT NULL,
    "value" DOUBLE PRECISION NOT NULL,
    "hysteresis" DOUBLE PRECISION NOT NULL,
    "crossed" BOOLEAN NOT NULL,
    "changed_at" TIMESTAMPTZ(3) NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "thresholds_pkey" PRIMARY KEY ("workspace_id","id")
);

-- CreateTable
CREATE TABLE "consciousness"."generators" (
    "workspace_id" TEXT NOT NULL,
    "running" BOOLEAN NOT NULL,
    "parameters" JSONB NOT NULL,
    "started_at" TIMESTAMPTZ(3),
    "stops_at" TIMESTAMPTZ(3),
    "holder" TEXT,
    "held_until" TIMESTAMPTZ(3),

    CONSTRAINT "generators_pkey" PRIMARY KEY ("workspace_id")
);

-- CreateIndex
CREATE UNIQUE INDEX "measurements_workspace_id_measured_at_key" ON "consciousness"."measurements"("workspace_id", "measured_at");

-- CreateIndex
CREATE INDEX "node_reports_workspace_id_node_index_received_at_idx" ON "consciousness"."node_reports"("workspace_id", "node_index", "received_at");

-- CreateIndex
CREATE UNIQUE INDEX "node_reports_workspace_id_node_index_reported_at_key" ON "consciousness"."node_reports"("workspace_id", "node_index", "reported_at");

-- CreateIndex
CREATE INDEX "node_reports_workspace_id_received_at_idx" ON "consciousness"."node_reports"("workspace_id", "received_at");
