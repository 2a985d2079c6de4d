-- Readings become a table that is partitioned by the time of measurement: what was there is moved over.

ALTER TABLE "devices"."readings" RENAME TO "readings_before";
ALTER TABLE "devices"."readings_before" RENAME CONSTRAINT "readings_pkey" TO "readings_before_pkey";
ALTER INDEX "devices"."readings_workspace_id_sequence_key" RENAME TO "readings_before_sequence_key";

-- CreateTable
CREATE TABLE "devices"."readings" (
    "workspace_id" TEXT NOT NULL,
    "device_id" TEXT NOT NULL,
    "metric" TEXT NOT NULL,
    "measured_at" TIMESTAMPTZ(6) NOT NULL,
    "received_at" TIMESTAMPTZ(3) NOT NULL,
    "value" DOUBLE PRECISION NOT NULL,
    "sequence" BIGINT NOT NULL,
    "quality" SMALLINT NOT NULL DEFAULT 0,
    "unit" TEXT NOT NULL,

    CONSTRAINT "readings_pkey" PRIMARY KEY ("workspace_id","device_id","metric","measured_at")
) PARTITION BY RANGE ("measured_at");

-- CreateIndex
CREATE INDEX "readings_workspace_id_sequence_idx" ON "devices"."readings"("workspace_id", "sequence");

-- The partitions that the rows need, by the rule of subgraphs/devices/readings/partition-plan.ts: days of late, months of
-- the last year, years before.
DO $$
DECLARE
    days_from timestamptz := date_trunc('month', now() - interval '35 days', 'UTC');
    months_from timestamptz := least(date_trunc('year', now() - interval '400 days', 'UTC'), days_from);
    part record;
    child text;
BEGIN
    FOR part IN
        SELECT DISTINCT grain, date_trunc(grain, measured_at, 'UTC') AS starts
        FROM (
            SELECT measured_at, CASE WHEN measured_at >= days_from THEN 'day' WHEN measured_at >= months_from THEN 'month' ELSE 'year' END AS grain
            FROM "devices"."readings_before"
        ) grained
    LOOP
        child := 'readings_' || to_char(part.starts AT TIME ZONE 'UTC', CASE part.grain WHEN 'day' THEN 'YYYYMMDD' WHEN 'month' THEN 'YYYYMM' ELSE 'YYYY' END);
        EXECUTE format(
            'CREATE TABLE devices.%I PARTITION OF devices.readings FOR VALUES FROM (%L) TO (%L)', child, part.starts,
            ((part.starts AT TIME ZONE 'UTC') + ('1 ' || part.grain)::interval) AT TIME ZONE 'UTC'
        );
    END LOOP;
END
$$;

INSERT INTO "devices"."readings" ("workspace_id", "device_id", "metric", "measured_at", "received_at", "value", "sequence", "unit")
SELECT "workspace_id", "device_id", "metric", "measured_at", "received_at", "value", "sequence", "unit" FROM "devices"."readings_before";

-- DropTable
DROP TABLE "devices"."readings_before";

-- AlterTable
ALTER TABLE "devices"."reading_streams" ADD COLUMN "thinned_sequence" BIGINT NOT NULL DEFAULT 0;
UPDATE "devices"."reading_streams" SET "thinned_sequence" = "pruned_sequence";

-- CreateTable
CREATE TABLE "devices"."reading_sequences" (
    "workspace_id" TEXT NOT NULL,
    "device_id" TEXT NOT NULL,
    "metric" TEXT NOT NULL,
    "boot" TEXT NOT NULL DEFAULT '',
    "run" INTEGER NOT NULL DEFAULT 0,
    "device_sequence" BIGINT NOT NULL,
    "measured_at" TIMESTAMPTZ(6) NOT NULL,

    CONSTRAINT "reading_sequences_pkey" PRIMARY KEY ("workspace_id","device_id","metric","boot","run","device_sequence")
);

-- CreateTable
CREATE TABLE "devices"."reading_rollups" (
    "workspace_id" TEXT NOT NULL,
    "rolled_sequence" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "reading_rollups_pkey" PRIMARY KEY ("workspace_id")
);

-- CreateTable
CREATE TABLE "devices"."reading_minutes" (
    "workspace_id" TEXT NOT NULL,
    "device_id" TEXT NOT NULL,
    "metric" TEXT NOT NULL,
    "unit" TEXT NOT NULL,
    "starts_at" TIMESTAMPTZ(0) NOT NULL,
    "last_at" TIMESTAMPTZ(6) NOT NULL,
    "last" DOUBLE PRECISION NOT NULL,
    "minimum" DOUBLE PRECISION NOT NULL,
    "maximum" DOUBLE PRECISION NOT NULL,
    "total" DOUBLE PRECISION NOT NULL,
    "count" INTEGER NOT NULL,

    CONSTRAINT "reading_minutes_pkey" PRIMARY KEY ("workspace_id","device_id","metric","unit","starts_at")
) PARTITION BY RANGE ("starts_at");

-- CreateTable
CREATE TABLE "devices"."reading_hours" (
    "workspace_id" TEXT NOT NULL,
    "device_id" TEXT NOT NULL,
    "metric" TEXT NOT NULL,
    "unit" TEXT NOT NULL,
    "starts_at" TIMESTAMPTZ(0) NOT NULL,
    "last_at" TIMESTAMPTZ(6) NOT NULL,
    "last" DOUBLE PRECISION NOT NULL,
    "minimum" DOUBLE PRECISION NOT NULL,
    "maximum" DOUBLE PRECISION NOT NULL,
    "total" DOUBLE PRECISION NOT NULL,
    "count" INTEGER NOT NULL,

    CONSTRAINT "reading_hours_pkey" PRIMARY KEY ("workspace_id","device_id","metric","unit","starts_at")
) PARTITION BY RANGE ("starts_at");

-- CreateTable
CREATE TABLE "devices"."device_clocks" (
    "workspace_id" TEXT NOT NULL,
    "device_id" TEXT NOT NULL,
    "skew_ms" DOUBLE PRECISION NOT NULL,
    "observed_at" TIMESTAMPTZ(3) NOT NULL,

    CONSTRAINT "device_clocks_pkey" PRIMARY KEY ("workspace_id","device_id")
);

-- CreateTable
CREATE TABLE "devices"."dead_letters" (
    "workspace_id" TEXT NOT NULL,
    "sequence" BIGSERIAL NOT NULL,
    "rejected_at" TIMESTAMPTZ(3) NOT NULL,
    "kind" TEXT NOT NULL,
    "code" TEXT NOT NULL,
    "reason" TEXT NOT NULL,
    "protocol" TEXT NOT NULL,
    "device" TEXT NOT NULL,
    "payload" BYTEA NOT NULL,
    "payload_bytes" INTEGER NOT NULL,

    CONSTRAINT "dead_letters_pkey" PRIMARY KEY ("workspace_id","sequence")
);

-- CreateIndex
CREATE INDEX "reading_sequences_workspace_id_measured_at_idx" ON "devices"."reading_sequences"("workspace_id", "measured_at");

-- AddForeignKey
ALTER TABLE "devices"."device_clocks" ADD CONSTRAINT "device_clocks_workspace_id_device_id_fkey" FOREIGN KEY ("workspace_id", "device_id") REFERENCES "devices"."devices"("workspace_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;
