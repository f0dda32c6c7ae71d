import { z } from 'zod'
import {
  changeFields,
  licenseFields,
  privilegeFields,
  providerFields,
} from '../policies/provider-fields.ts'
import type { ProviderAudience } from '../policies/provider.ts'

/** A license in an answer. */
export const licenseSchema = z.object(describeFields(licenseFields))

/** A provider in an answer. */
export const providerSchema = z.object({
  ...describeFields(providerFields),
  licenses: z.array(licenseSchema),
  privileges: z.array(z.object(describeFields(privilegeFields))),
})

/** A history entry in an answer. */
export const changeSchema = z.object({
  ...describeFields(changeFields),
  previous: z.record(z.string(), z.string()).describe('The license before, as uploaded'),
  updatedValues: z.record(z.string(), z.string()).describe('Fields that were set, as uploaded'),
  removedValues: z.array(z.string()).describe('Names of fields that were taken away'),
})

/** A provider as the general view shows it. */
export const providerExample = {
  providerId: '01990a5e-2f7c-7000-8000-3d9b6c1f0a42',
  compact: 'aslp',
  givenName: 'Björk',
  familyName: 'Guðmundsdóttir',
  licenseJurisdiction: 'oh',
  licenseType: 'audiologist',
  licenseStatus: 'active',
  compactEligibility: 'eligible',
  dateOfUpdate: '2026-03-01T12:00:00.000Z',
  licenses: [
    {
      jurisdiction: 'oh',
      licenseType: 'audiologist',
      licenseStatus: 'active',
      compactEligibility: 'eligible',
      dateOfExpiration: '2027-04-04',
    },
  ],
  privileges: [],
}

/** A history entry as the general view shows it. */
export const changeExample = {
  jurisdiction: 'oh',
  licenseType: 'audiologist',
  updateType: 'renewal',
  previous: { dateOfExpiration: '2027-04-04' },
  updatedValues: { dateOfExpiration: '2029-04-04', dateOfRenewal: '2027-03-01' },
  removedValues: [],
  effectiveDate: '2027-03-02T09:30:00.000Z',
  uploadId: '01990a5e-2f7c-7000-8000-000000000001',
}

function describeFields(
  policy: Readonly<Record<string, ProviderAudience>>,
): Record<string, z.ZodOptional<z.ZodString>> {
  const fields = Object.entries(policy).map(([field, audience]) => {
    const text = z.string().optional()
    return [field, audience === 'private' ? text.describe('Private view only') : text] as const
  })
  return Object.fromEntries(fields)
}
