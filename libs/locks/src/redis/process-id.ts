import type { Membership } from '@syncline/cluster';
import type { ProcessIdentity } from '@syncline/runtime';

/** Names this process among all that ever had its node id: `lock_manager_1~x7Pq...`. Scripts read the node id from it. */
export const processIdOf = ({ nodeId }: Pick<Membership, 'nodeId'>, { id }: ProcessIdentity): string =>
  `${nodeId}~${id}`;
