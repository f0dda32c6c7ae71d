/** The fields that a board owns, as an upload names them; the SSN and the license type stand apart. */
export const boardFields = [
  'npi',
  'licenseNumber',
  'licenseStatus',
  'licenseStatusName',
  'compactEligibility',
  'givenName',
  'middleName',
  'familyName',
  'suffix',
  'dateOfIssuance',
  'dateOfRenewal',
  'dateOfExpiration',
  'dateOfBirth',
  'homeAddressStreet1',
  'homeAddressStreet2',
  'homeAddressCity',
  'homeAddressState',
  'homeAddressPostalCode',
  'emailAddress',
  'phoneNumber',
] as const

export type BoardField = (typeof boardFields)[number]

/** A license's content; the fields that the upload's rules require are always there. */
export type BoardValues = Readonly<
  { [field in OptionalField]?: string } & { [field in Exclude<BoardField, OptionalField>]: string }
>

type OptionalField =
  | 'npi'
  | 'licenseNumber'
  | 'licenseStatusName'
  | 'middleName'
  | 'suffix'
  | 'dateOfRenewal'
  | 'homeAddressStreet2'
  | 'emailAddress'
  | 'phoneNumber'

/** A license as it is stored: what the board uploaded, and the marks that no upload touches. */
export type StoredLicense = {
  readonly providerId: string
  readonly jurisdiction: string
  readonly licenseType: string
  readonly board: BoardValues
  readonly encumbranceStatus: string | null
  readonly investigationStatus: string | null
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** The permission to practise elsewhere that rests on a license. */
export type StoredPrivilege = {
  readonly providerId: string
  readonly privilegeId: string
  readonly jurisdiction: string
  readonly licenseJurisdiction: string
  readonly licenseType: string
  readonly dateOfIssuance: Date
  readonly dateOfRenewal: Date | null
  readonly dateOfExpiration: string
  readonly encumbranceStatus: string | null
  readonly licenseDeactivatedAt: Date | null
}

/** The stored summary: which license speaks for the provider. */
export type StoredProvider = {
  readonly providerId: string
  readonly compact: string
  readonly licenseJurisdiction: string
  readonly licenseType: string
  readonly homeJurisdiction: string | null
  /** Null where it was not looked for. */
  readonly ssnLastFour: string | null
  readonly updatedAt: Date
}

export type UpdateType = 'deactivation' | 'renewal' | 'other' | 'rollback'

/** One change of one license, with the values that it replaced. */
export type StoredLicenseChange = {
  readonly id: number
  readonly providerId: string
  readonly jurisdiction: string
  readonly licenseType: string
  readonly updateType: UpdateType
  readonly previous: Readonly<Partial<Record<string, string>>>
  readonly updatedValues: Readonly<Partial<Record<string, string>>>
  readonly removedValues: readonly string[]
  readonly effectiveDate: Date
  /** Of the upload that brought it, or of the rollback. */
  readonly uploadId: string
  readonly actor: string
  /** When a license that was removed had been created; absent or null otherwise. */
  readonly removedCreatedAt?: Date | null
}
