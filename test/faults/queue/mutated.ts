/** Where the built engine has what mutants change. */
export const ENGINE = 'libs/queues/src';
export const command = (name: string) => `${ENGINE}/redis/scripts/${name}.lua`;
export const part = (name: string) => command(`parts/${name}`);
