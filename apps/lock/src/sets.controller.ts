import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import {
  type AcquireSet,
  acquireSetSchema,
  type LeaseSet,
  leaseSetSchema,
  type Released,
  type ReleaseSet,
  type RenewSet,
  releasedSchema,
  releaseSetSchema,
  renewSetSchema,
} from '@syncline/contracts';
import { ApiProblems, Disconnect } from '@syncline/http';
import { LeasesService, lockWish } from '@syncline/locks';
import { type DisconnectSignal } from '@syncline/runtime';

/** Several locks at once, all or none. */
@ApiTags('locks')
@Controller({ path: 'locks', version: '1' })
export class SetsController {
  constructor(private readonly leases: LeasesService) {}

  @Post('acquire')
  @HttpCode(200)
  @ApiOperation({ summary: 'Take several locks at once, all or none' })
  @ApiOkResponse({ standardSchema: leaseSetSchema })
  @ApiProblems('cross-slot', 'lock-held', 'wait-timeout', 'deadlock', 'lease-lost')
  async acquireSet(
    @Body({ schema: acquireSetSchema }) body: AcquireSet,
    @Disconnect() disconnect: DisconnectSignal,
  ): Promise<LeaseSet> {
    const wishes = body.locks.map(({ name, mode }) => lockWish(name, mode));
    return toSet(await this.leases.acquire(wishes, body, disconnect));
  }

  @Post('renew')
  @HttpCode(200)
  @ApiOperation({ summary: 'Start the time of several leases anew, all or none' })
  @ApiOkResponse({ standardSchema: leaseSetSchema })
  @ApiProblems('cross-slot', 'lease-lost')
  async renewSet(@Body({ schema: renewSetSchema }) body: RenewSet): Promise<LeaseSet> {
    return toSet(await this.leases.renew('lock', body.names, body.leaseId, body.ttlMs));
  }

  @Post('release')
  @HttpCode(200)
  @ApiOperation({ summary: 'End several leases' })
  @ApiOkResponse({ standardSchema: releasedSchema })
  @ApiProblems('cross-slot', 'lease-lost')
  releaseSet(@Body({ schema: releaseSetSchema }) body: ReleaseSet): Promise<Released> {
    return this.leases.release('lock', body.names, body.leaseId);
  }
}

const toSet = (leases: LeaseSet['leases']): LeaseSet => ({ leaseId: leases[0]?.leaseId ?? '', leases });
