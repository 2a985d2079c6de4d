-- CreateTable
CREATE TABLE "devices"."alarm_rules" (
    "workspace_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "enabled" BOOLEAN NOT NULL,
    "severity" TEXT NOT NULL,
    "version" INTEGER NOT NULL,
    "condition_version" INTEGER NOT NULL,
    "definition" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "alarm_rules_pkey" PRIMARY KEY ("workspace_id","id")
);

-- CreateTable
CREATE TABLE "devices"."alarms" (
    "workspace_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "rule_id" TEXT NOT NULL,
    "rule_name" TEXT NOT NULL,
    "rule_version" INTEGER NOT NULL,
    "device_id" TEXT NOT NULL,
    "metric" TEXT,
    "severity" TEXT NOT NULL,
    "severity_rank" SMALLINT NOT NULL,
    "state" TEXT NOT NULL,
    "value" DOUBLE PRECISION,
    "unit" TEXT,
    "message" TEXT NOT NULL,
    "clearable" BOOLEAN NOT NULL,
    "occurred_at" TIMESTAMPTZ(3) NOT NULL,
    "raised_at" TIMESTAMPTZ(3) NOT NULL,
    "acknowledged_at" TIMESTAMPTZ(3),
    "acknowledged_by" TEXT,
    "acknowledge_note" TEXT,
    "cleared_at" TIMESTAMPTZ(3),
    "clear_reason" TEXT,
    "cleared_by" TEXT,
    "clear_note" TEXT,

    CONSTRAINT "alarms_pkey" PRIMARY KEY ("workspace_id","id")
);

-- CreateTable
CREATE TABLE "devices"."alarm_slots" (
    "workspace_id" TEXT NOT NULL,
    "rule_id" TEXT NOT NULL,
    "device_id" TEXT NOT NULL,
    "condition_version" INTEGER NOT NULL,
    "phase" TEXT NOT NULL,
    "since" TIMESTAMPTZ(3),
    "due_at" TIMESTAMPTZ(3),
    "alarm_id" TEXT,

    CONSTRAINT "alarm_slots_pkey" PRIMARY KEY ("workspace_id","rule_id","device_id")
);

-- CreateTable
CREATE TABLE "devices"."duties" (
    "workspace_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "holder" TEXT NOT NULL,
    "held_until" TIMESTAMPTZ(3) NOT NULL,
    "sequence" BIGINT,

    CONSTRAINT "duties_pkey" PRIMARY KEY ("workspace_id","name")
);

-- CreateTable
CREATE TABLE "devices"."standing_fusions" (
    "workspace_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "definition" JSONB NOT NULL,
    "unit" TEXT,
    "next_at" TIMESTAMPTZ(3) NOT NULL,
    "pruned_at" TIMESTAMPTZ(3),
    "filter_state" JSONB,
    "late_inputs" BIGINT NOT NULL DEFAULT 0,
    "problem" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updated_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "standing_fusions_pkey" PRIMARY KEY ("workspace_id","id")
);

-- CreateTable
CREATE TABLE "devices"."fusion_points" (
    "workspace_id" TEXT NOT NULL,
    "fusion_id" TEXT NOT NULL,
    "at" TIMESTAMPTZ(3) NOT NULL,
    "unit" TEXT NOT NULL,
    "value" DOUBLE PRECISION,
    "variance" DOUBLE PRECISION,
    "simulated" BOOLEAN NOT NULL,
    "used" JSONB NOT NULL,
    "refused" JSONB NOT NULL,

    CONSTRAINT "fusion_points_pkey" PRIMARY KEY ("workspace_id","fusion_id","at")
);

-- CreateIndex
CREATE UNIQUE INDEX "alarm_rules_workspace_id_name_key" ON "devices"."alarm_rules"("workspace_id", "name");

-- CreateIndex
CREATE INDEX "alarms_workspace_id_raised_at_id_idx" ON "devices"."alarms"("workspace_id", "raised_at", "id");

-- CreateIndex
CREATE INDEX "alarms_workspace_id_severity_rank_raised_at_id_idx" ON "devices"."alarms"("workspace_id", "severity_rank", "raised_at", "id");

-- CreateIndex
CREATE INDEX "alarms_workspace_id_device_id_raised_at_idx" ON "devices"."alarms"("workspace_id", "device_id", "raised_at");

-- Of a rule and a device one alarm is open at a time. Prisma has no word for a partial index.
CREATE UNIQUE INDEX "alarms_open_key" ON "devices"."alarms"("workspace_id", "rule_id", "device_id") WHERE "state" <> 'CLEARED';

-- CreateIndex
CREATE UNIQUE INDEX "standing_fusions_workspace_id_name_key" ON "devices"."standing_fusions"("workspace_id", "name");

-- AddForeignKey
ALTER TABLE "devices"."fusion_points" ADD CONSTRAINT "fusion_points_workspace_id_fusion_id_fkey" FOREIGN KEY ("workspace_id", "fusion_id") REFERENCES "devices"."standing_fusions"("workspace_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;
