/** What ioredis says, and our Cluster too, when a command never left. */
export const NOT_SENT = "Stream isn't writeable";

/** The connection broke in the moment of sending, or before: the command never left, so it may be sent again. */
export const wasNotSent = (error: unknown): boolean =>
  error instanceof Error && error.message.startsWith(NOT_SENT);
