-- AlterTable
ALTER TABLE "consciousness"."measurement_rollups" ADD COLUMN     "simulated" BOOLEAN;

-- What was rolled up already is marked as far as the measurements are still there: where one was simulated, or all of them tell
-- that none was. Of the others it stays unknown.
UPDATE "consciousness"."measurement_rollups" AS "rollups"
SET "simulated" = "found"."simulated"
FROM (
    SELECT "workspace_id", "step",
        date_trunc(lower("step"), "measured_at", 'UTC') AS "starts_at",
        bool_or("simulated") AS "simulated",
        count(*) AS "count"
    FROM "consciousness"."measurements", (VALUES ('MINUTE'), ('HOUR')) AS "steps" ("step")
    GROUP BY 1, 2, 3
) AS "found"
WHERE "rollups"."workspace_id" = "found"."workspace_id"
    AND "rollups"."step" = "found"."step"
    AND "rollups"."starts_at" = "found"."starts_at"
    AND ("found"."simulated" OR "found"."count" >= "rollups"."count");
