# One image per service: docker build --build-arg APP=lock -t syncline-lock .   (APP: lock, queue or cache)

# Dependencies, shared by the three images.
FROM node:22-bookworm-slim AS dependencies
WORKDIR /syncline
# A package of Swagger's would report its installation.
ENV SCARF_ANALYTICS=false
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund

FROM dependencies AS build
ARG APP
COPY nest-cli.json tsconfig.json ./
COPY libs libs
COPY apps apps
COPY scripts/bundle-dependencies.mjs scripts/copy-packages.mjs scripts/build-console.mjs scripts/
RUN npx nest build ${APP:?choose an app: --build-arg APP=lock, queue or cache} && node scripts/bundle-dependencies.mjs && node scripts/build-console.mjs

FROM node:22-bookworm-slim
ARG APP
ENV NODE_ENV=production
WORKDIR /syncline
COPY package.json scripts/health-check.sh ./
COPY --from=build /syncline/dist/apps/${APP} dist
COPY --from=build /syncline/dist/apps/node_modules dist/node_modules
RUN ln -s dist/apps/${APP}/src/main.js main.js
USER node
# The port of the role, unless PORT says otherwise.
ENV APP=${APP}
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --start-interval=1s --retries=3 CMD ["./health-check.sh"]
# Node itself is process 1, so that SIGTERM reaches it and it leaves its cluster in order.
CMD ["node", "main.js"]
