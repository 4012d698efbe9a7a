/** Whether `next build` runs, where there may be no cache. Next says so in the environment alone. */
export const isBuilding = (): boolean => process.env.NEXT_PHASE === 'phase-production-build';

/** `deploymentId` of Next's configuration, which Next passes on so; empty without one. */
export const deploymentId = (): string => process.env.NEXT_DEPLOYMENT_ID ?? '';
