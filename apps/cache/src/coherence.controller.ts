import { Controller, Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CachesService } from '@syncline/caches';
import { type Coherence, coherenceSchema } from '@syncline/contracts';
import { Does, NO_NAME } from '@syncline/http';

@ApiTags('caches')
@Controller({ path: 'coherence', version: '1' })
export class CoherenceController {
  constructor(private readonly caches: CachesService) {}

  @Get()
  @Does('read', NO_NAME)
  @ApiOperation({
    summary: 'Show how the near caches of this node kept in step with Redis since it started',
  })
  @ApiOkResponse({ standardSchema: coherenceSchema })
  coherence(): Promise<Coherence> {
    return this.caches.coherence();
  }
}
