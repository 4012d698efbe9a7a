/** A field of what `INFO` says; '' where it is not told. */
export const fieldOf = (info: string, name: string): string =>
  new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';

/** `standalone`, `sentinel` or `cluster`: Valkey has a name of its own for this field. */
export const modeOf = (info: string): string => fieldOf(info, 'redis_mode') || fieldOf(info, 'server_mode');
