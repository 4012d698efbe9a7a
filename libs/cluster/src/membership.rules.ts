/** A node renews its membership this often. */
export const HEARTBEAT_MS = 500;
/**
 * A member that was silent for this long is removed by whoever beats next. With the beat interval on both
 * sides, the duties of a killed node move within 3 s. A node that was only slow finds itself fenced, joins anew
 * and has lost nothing: the ring decides who is quick, never what is right.
 */
export const SILENCE_MS = 2_500;
/** A member that was silent for this long shows as `suspect`. */
export const SUSPECT_MS = 1_250;
/** Pattern of the hint that the membership changed. */
export const CLUSTER_CHANGED = 'cluster.changed';
