-- AlterTable
ALTER TABLE "devices"."devices" ADD COLUMN     "profile_name" TEXT,
ADD COLUMN     "profile_version" INTEGER;

-- AlterTable
ALTER TABLE "devices"."device_metrics" ADD COLUMN     "calibrated_at" TIMESTAMPTZ(3),
ADD COLUMN     "from_profile" BOOLEAN NOT NULL DEFAULT false,
ADD COLUMN     "calibration_gain" DOUBLE PRECISION NOT NULL DEFAULT 1,
ADD COLUMN     "calibration_offset" DOUBLE PRECISION NOT NULL DEFAULT 0,
ADD COLUMN     "resolution" DOUBLE PRECISION,
ADD COLUMN     "states" TEXT[] DEFAULT ARRAY[]::TEXT[],
ADD COLUMN     "type" TEXT NOT NULL DEFAULT 'NUMBER',
ADD COLUMN     "writable" BOOLEAN NOT NULL DEFAULT false;

-- CreateTable
CREATE TABLE "devices"."profiles" (
    "workspace_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "version" INTEGER NOT NULL,
    "definition" JSONB NOT NULL,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "deprecated_at" TIMESTAMPTZ(3),

    CONSTRAINT "profiles_pkey" PRIMARY KEY ("workspace_id","name","version")
);

-- CreateIndex
CREATE INDEX "devices_workspace_id_profile_name_profile_version_idx" ON "devices"."devices"("workspace_id", "profile_name", "profile_version");
