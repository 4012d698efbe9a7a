import { ACTIONS, type Action, type Grant, type Role } from '@syncline/contracts';
import { Names } from './names.js';

/** What a key may do at the nodes of one role. */
export class Rights {
  static readonly none = new Rights(new Map(), new Names([]));

  private constructor(
    private readonly names: ReadonlyMap<Action, Names>,
    /** The names of all its grants. */
    readonly known: Names,
  ) {}

  /** @param realm of the names in the grants */
  static of(role: Role, grants: readonly Grant[], realm: string): Rights {
    const ours = grants.filter((grant) => grant.role === role || grant.role === '*');
    const namesOf = (action: Action) =>
      new Names(
        ours.filter(({ actions }) => actions.includes(action)).flatMap(({ names }) => names),
        realm,
      );
    return new Rights(
      new Map(ACTIONS[role].map((action) => [action, namesOf(action)])),
      new Names(
        ours.flatMap(({ names }) => names),
        realm,
      ),
    );
  }

  /** The names on which an action is allowed. */
  namesFor(action: Action): Names {
    return this.names.get(action) ?? NO_NAMES;
  }
}

const NO_NAMES = new Names([]);

const everywhere = (role: Grant['role'], ...actions: Action[]): Grant => ({ role, actions, names: ['*'] });

/** The rights of `API_KEYS`, as grants. Each right includes the ones before it. */
export const GRANTS_OF_RIGHT = {
  read: [everywhere('*', 'read')],
  write: [
    everywhere('*', 'read', 'lock', 'produce', 'consume', 'write', 'configure'),
    // Taking a lock away from its holder is for `admin`.
    everywhere('queue', 'purge'),
    everywhere('cache', 'purge'),
  ],
  admin: [everywhere('*', 'read', 'lock', 'produce', 'consume', 'write', 'configure', 'purge', 'admin')],
} as const satisfies Record<string, readonly Grant[]>;

/** The rights of every caller of a node without keys. */
export const ALL_GRANTS: readonly Grant[] = GRANTS_OF_RIGHT.admin;
