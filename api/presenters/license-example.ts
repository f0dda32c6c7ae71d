const uploadId = '0190b3a2-5c1e-7c4a-9d3e-2f6b8a1c4d5e'

/** What the documentation shows of an upload form. */
export const formExample = {
  upload: {
    url: 'http://127.0.0.1:8080/v1/blobs',
    fields: {
      key: `uploads/${uploadId}.csv`,
      policy: 'eyJleHBpcmF0aW9uIjoi…',
      signature: 'k1.mZ…',
    },
  },
  uploadId,
  expiresAt: '2026-03-02T15:00:00.000Z',
}

/** What the documentation shows of a license record. */
export const recordExample = {
  ssn: '123-45-6789',
  licenseType: 'audiologist',
  licenseNumber: 'A0608337260',
  licenseStatus: 'active',
  compactEligibility: 'eligible',
  givenName: 'Björk',
  familyName: 'Guðmundsdóttir',
  dateOfIssuance: '2010-06-06',
  dateOfRenewal: '2024-06-06',
  dateOfExpiration: '2027-06-06',
  dateOfBirth: '1985-06-06',
  homeAddressStreet1: '123 A St.',
  homeAddressCity: 'Birmingham',
  homeAddressState: 'AL',
  homeAddressPostalCode: '35004',
  emailAddress: 'bjork@example.com',
}
