import { Body, Controller, Delete, Get, HttpCode, Post, Req, Res, VERSION_NEUTRAL } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { z } from 'zod';
import { ApiKeys } from '../access/api-keys.js';
import { Open } from '../access/does.decorator.js';
import { Sessions } from './sessions.js';

const openSchema = z.strictObject({ secret: z.string().min(1).max(1_024) });

/** Sign-in of the console. */
@ApiExcludeController()
@Open()
@Controller({ path: 'console/session', version: VERSION_NEUTRAL })
export class SessionController {
  constructor(
    private readonly sessions: Sessions,
    private readonly keys: ApiKeys,
  ) {}

  /** Says whether the browser may go on, and has its session last for another hour. */
  @Get()
  async show(@Req() request: Request, @Res({ passthrough: true }) response: Response) {
    const extended = await this.sessions.extend(request);
    if (extended !== undefined) response.setHeader('Set-Cookie', extended);
    const { areRequired } = this.keys;
    return { isSignedIn: !areRequired || extended !== undefined, needsKey: areRequired };
  }

  @Post()
  @HttpCode(204)
  async open(
    @Body({ schema: openSchema }) { secret }: z.infer<typeof openSchema>,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<void> {
    response.setHeader('Set-Cookie', await this.sessions.open(secret, request));
  }

  @Delete()
  @HttpCode(204)
  end(@Req() request: Request, @Res({ passthrough: true }) response: Response): void {
    response.setHeader('Set-Cookie', this.sessions.end(request));
  }
}
