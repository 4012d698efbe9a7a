/** Interval of the heartbeats. All time constants of liveness are compared in docs/liveness.md. */
export const HEARTBEAT_MS = 500;
/**
 * The next heartbeat of any node removes a member that was silent for this long, so the duties of a killed node move
 * within 3 s: silence plus one heartbeat interval. A node that was only slow is fenced and joins again. It loses nothing,
 * because the ring only decides which node acts first, never whether an action is correct.
 */
export const SILENCE_MS = 2_500;
/** A member that was silent for this long has the state `suspect`. */
export const SUSPECT_MS = 1_250;
/** Pattern of the hint about a membership change. */
export const CLUSTER_CHANGED = 'cluster.changed';
