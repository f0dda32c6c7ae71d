# syntax=docker/dockerfile:1
# The native bridge of the Temporal SDK needs glibc: a slim Debian image, not Alpine.
ARG NODE_VERSION=24

FROM node:${NODE_VERSION}-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build && npm prune --omit=dev --omit=optional --ignore-scripts

FROM node:${NODE_VERSION}-bookworm-slim
RUN apt-get update \
  && apt-get install --yes --no-install-recommends ca-certificates tini \
  && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build --chown=root:root /app/package.json ./
COPY --from=build --chown=root:root /app/node_modules ./node_modules
COPY --from=build --chown=root:root /app/db/migrations ./db/migrations
COPY --from=build --chown=root:root /app/dist ./dist
RUN install --directory --owner=node --group=node --mode=0700 /data
USER node
ENV DATA_DIR=/data HOST=0.0.0.0 PORT=8080
# The C library would keep eight heaps a core for the threads of a process.
ENV MALLOC_ARENA_MAX=2
VOLUME /data
EXPOSE 8080
ENTRYPOINT ["tini", "--", "node", "dist/cli/main.js"]
CMD ["api"]
