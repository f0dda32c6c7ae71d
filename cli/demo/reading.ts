import { z } from 'zod'
import { AppError } from '../../core/errors.ts'
import type { LicenseRecord } from '../../core/license/record.ts'
import { listOvertaken } from '../../core/sample/licenses.ts'
import type { SampleFile } from '../../core/sample/plan.ts'
import type { ApiClient } from '../client.ts'
import type { Output } from '../output.ts'
import { takeStep, type DemoStep } from './steps.ts'

export type DemoReading = {
  readonly client: ApiClient
  readonly output: Output
  readonly file: SampleFile
}

const license = z.object({
  jurisdiction: z.string(),
  licenseNumber: z.string().optional(),
  emailAddress: z.string().optional(),
})

const page = z.object({
  providers: z.array(z.object({ providerId: z.string(), licenses: z.array(license) })),
  pagination: z.object({ lastKey: z.string().nullable() }),
})

const provider = z.object({
  providerId: z.string(),
  givenName: z.string(),
  familyName: z.string(),
  licenseStatus: z.string(),
  compactEligibility: z.string(),
  licenses: z.array(license),
})

const history = z.object({
  items: z.array(z.object({ updateType: z.string(), effectiveDate: z.string() })),
})

const CANDIDATES = 25

/** Finds a licensee by name who was posted, and shows that the newest data stands. */
export async function readLicensee(demo: DemoReading): Promise<DemoStep> {
  return await takeStep('search for a licensee', async () => {
    const candidates = listOvertaken({ ...demo.file, later: true }, CANDIDATES)
    const wanted = candidates.find((record) => record.licenseNumber !== undefined)
    if (!wanted) return { surprises: ['the sample is too small to have one'] }
    const { client } = demo
    const path = await findProvider(demo, wanted)
    const found = provider.parse(await client.sendForJson({ method: 'GET', path }))
    const past = history.parse(await client.sendForJson({ method: 'GET', path: `${path}/history` }))
    show(demo.output, found, past)
    const own = found.licenses.find((held) => isOf(held, demo.file, wanted))
    const isNewest = own?.emailAddress === wanted.emailAddress && past.items.length > 0
    return { surprises: isNewest ? [] : ['the newest data does not stand'] }
  })
}

async function findProvider(demo: DemoReading, wanted: LicenseRecord): Promise<string> {
  const providers = `/v1/compacts/${demo.file.compact.abbreviation}/providers`
  const { familyName, givenName } = wanted
  let lastKey: string | null = null
  do {
    const body = { query: { familyName, givenName }, pagination: { pageSize: 100, lastKey } }
    const answer: z.output<typeof page> = page.parse(
      await demo.client.sendForJson({ method: 'POST', path: `${providers}/query`, body }),
    )
    const found = answer.providers.find(({ licenses }) =>
      licenses.some((held) => isOf(held, demo.file, wanted)),
    )
    if (found) return `${providers}/${found.providerId}`
    lastKey = answer.pagination.lastKey
  } while (lastKey !== null)
  throw new AppError('not_found', 'the licensee cannot be found by name', { status: 404 })
}

function isOf(
  held: z.output<typeof license>,
  { jurisdiction }: SampleFile,
  { licenseNumber }: LicenseRecord,
): boolean {
  return held.jurisdiction === jurisdiction && held.licenseNumber === licenseNumber
}

function show(
  output: Output,
  found: z.output<typeof provider>,
  { items }: z.output<typeof history>,
): void {
  output.line(`\nFound by name: ${found.givenName} ${found.familyName}`)
  output.line(`  ${found.licenseStatus}, ${found.compactEligibility}, ${found.providerId}`)
  for (const { effectiveDate, updateType } of items) {
    output.line(`  changed ${effectiveDate}: ${updateType}`)
  }
}
