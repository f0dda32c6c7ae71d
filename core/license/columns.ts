import type { CsvLayout } from '../csv/header.ts'
import { licenseFieldNames, listRequiredFieldNames } from './fields.ts'

const required = listRequiredFieldNames()

/** The columns of a license file; `compact` and `jurisdiction` may repeat where it belongs. */
export const licenseLayout: CsvLayout = {
  required,
  optional: [
    ...licenseFieldNames.filter((name) => !required.includes(name)),
    'compact',
    'jurisdiction',
  ],
  aliases: {
    socialsecuritynumber: 'ssn',
    licensenum: 'licenseNumber',
    licenseno: 'licenseNumber',
    status: 'licenseStatus',
    firstname: 'givenName',
    lastname: 'familyName',
    surname: 'familyName',
    issuedate: 'dateOfIssuance',
    issuancedate: 'dateOfIssuance',
    renewaldate: 'dateOfRenewal',
    expirationdate: 'dateOfExpiration',
    dateofexpiry: 'dateOfExpiration',
    expirydate: 'dateOfExpiration',
    birthdate: 'dateOfBirth',
    dob: 'dateOfBirth',
    street: 'homeAddressStreet1',
    street1: 'homeAddressStreet1',
    street2: 'homeAddressStreet2',
    address: 'homeAddressStreet1',
    city: 'homeAddressCity',
    state: 'homeAddressState',
    homeaddresszip: 'homeAddressPostalCode',
    zip: 'homeAddressPostalCode',
    zipcode: 'homeAddressPostalCode',
    postalcode: 'homeAddressPostalCode',
    email: 'emailAddress',
    phone: 'phoneNumber',
  },
}
