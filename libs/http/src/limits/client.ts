interface Connected {
  readonly socket: { readonly remoteAddress?: string | undefined };
}

/** Whose share of a node a request takes. */
export const clientOf = ({ socket }: Connected): string => socket.remoteAddress ?? '';
