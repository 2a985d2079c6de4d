-- CreateTable
CREATE TABLE "kernel"."event_retention" (
    "workspace_id" TEXT NOT NULL,
    "pruned_sequence" BIGINT NOT NULL,

    CONSTRAINT "event_retention_pkey" PRIMARY KEY ("workspace_id")
);

-- CreateIndex
CREATE INDEX "events_workspace_id_subject_sequence_idx" ON "kernel"."events"("workspace_id", "subject", "sequence");
