-- CreateTable
CREATE TABLE "devices"."device_endpoints" (
    "workspace_id" TEXT NOT NULL,
    "device_id" TEXT NOT NULL,
    "url" TEXT NOT NULL,
    "updated_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "device_endpoints_pkey" PRIMARY KEY ("workspace_id","device_id"),
    CONSTRAINT "device_endpoints_device_fkey" FOREIGN KEY ("workspace_id", "device_id")
        REFERENCES "devices"."devices" ("workspace_id", "id") ON DELETE CASCADE
);

-- CreateIndex
CREATE UNIQUE INDEX "device_endpoints_workspace_id_url_key" ON "devices"."device_endpoints"("workspace_id", "url");
