# syntax=docker/dockerfile:1

FROM node:24-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --no-audit --no-fund
COPY . .
# Nothing optional is needed, and "optional" counts Prisma's command with all of its engines in: 187 MB stay of 436.
RUN npm run build && npm prune --omit=dev --omit=optional --no-audit --no-fund

FROM node:24-bookworm-slim
# A container's loopback is reached by nobody; on any other address Aegis starts only with API keys.
ENV NODE_ENV=production \
    AEGIS_HOST=0.0.0.0
WORKDIR /app
COPY --from=build /app/LICENSE /app/package.json ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/prisma/migrations prisma/migrations
COPY --from=build /app/schema schema
COPY --from=build /app/dist dist
# `aegis start` keeps the embedded database here. All else belongs to root, so that the process cannot change itself.
RUN mkdir .aegis && chown node:node .aegis
VOLUME /app/.aegis
USER node
EXPOSE 4000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=1s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.AEGIS_PORT || 4000}/health/live`, { signal: AbortSignal.timeout(4000) }).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "--enable-source-maps", "dist/cli/main.js"]
CMD ["start"]
