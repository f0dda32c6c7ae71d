import type { LicenseView, PrivilegeView, ProviderView } from '../../core/license/provider-view.ts'
import type { StoredLicenseChange } from '../../core/license/stored-license.ts'
import type { ProviderAudience } from './provider.ts'

/** For each field of a shape, the audience that it takes to see it. */
export type FieldPolicy<T> = { readonly [field in keyof Required<T>]: ProviderAudience }

/** A license's fields; a history entry's values follow it too. */
export const licenseFields: FieldPolicy<LicenseView> = {
  providerId: 'general',
  jurisdiction: 'general',
  licenseType: 'general',
  npi: 'general',
  licenseNumber: 'general',
  licenseStatus: 'general',
  licenseStatusName: 'general',
  compactEligibility: 'general',
  jurisdictionUploadedLicenseStatus: 'general',
  jurisdictionUploadedCompactEligibility: 'general',
  givenName: 'general',
  middleName: 'general',
  familyName: 'general',
  suffix: 'general',
  dateOfIssuance: 'general',
  dateOfRenewal: 'general',
  dateOfExpiration: 'general',
  dateOfBirth: 'private',
  homeAddressStreet1: 'private',
  homeAddressStreet2: 'private',
  homeAddressCity: 'private',
  homeAddressState: 'private',
  homeAddressPostalCode: 'private',
  emailAddress: 'private',
  phoneNumber: 'private',
  encumbranceStatus: 'general',
  investigationStatus: 'general',
  dateOfUpdate: 'general',
}

/** A privilege's fields. */
export const privilegeFields: FieldPolicy<PrivilegeView> = {
  providerId: 'general',
  privilegeId: 'general',
  jurisdiction: 'general',
  licenseJurisdiction: 'general',
  licenseType: 'general',
  status: 'general',
  dateOfIssuance: 'general',
  dateOfRenewal: 'general',
  dateOfExpiration: 'general',
  encumbranceStatus: 'general',
}

const { jurisdiction: licenseJurisdiction, ...summaryFields } = licenseFields

/** A provider's fields: those of the license that speaks for it, and its own. */
export const providerFields: FieldPolicy<ProviderView> = {
  ...summaryFields,
  compact: 'general',
  licenseJurisdiction,
  homeJurisdiction: 'general',
  ssnLastFour: 'private',
  licenses: 'general',
  privileges: 'general',
}

/** A history entry's fields; who uploaded it is the board's own business. */
export const changeFields: FieldPolicy<Omit<StoredLicenseChange, 'id' | 'removedCreatedAt'>> = {
  providerId: 'general',
  jurisdiction: 'general',
  licenseType: 'general',
  updateType: 'general',
  previous: 'general',
  updatedValues: 'general',
  removedValues: 'general',
  effectiveDate: 'general',
  uploadId: 'general',
  actor: 'private',
}
