import { readHrisEntry } from '../../../core/source/hris.ts'

const key = 'pat@example.org'

function read(change: Record<string, unknown>): Record<string, unknown> {
  return readHrisEntry({ PrimaryWorkEmail: key, ...change }).contents ?? {}
}

test.each([
  ['Time_Zone', 'GMT+01:00 Central European Time (Paris)', 'timezone', 'UTC+01:00 Europe/Paris'],
  ['Time_Zone', 'GMT-08:00 Pacific (Los Angeles)', 'timezone', 'UTC-08:00 America/Los_Angeles'],
  ['Time_Zone', 'GMT United Kingdom Time (London)', 'timezone', 'UTC+00:00 Europe/London'],
  ['Time_Zone', 'GMT+05:30 India Standard Time (Kolkata)', 'timezone', 'UTC+05:30 Asia/Kolkata'],
  ['Time_Zone', 'somewhere', 'timezone', undefined],
  ['Cost_Center', '1337 - Registry', 'staff_information.cost_center', '1337.0'],
  ['Cost_Center', 'Registry', 'staff_information.cost_center', undefined],
  ['IsManager', 'TRUE', 'staff_information.manager', true],
  ['IsManager', 'FALSE', 'staff_information.manager', false],
  ['IsManager', 'maybe', 'staff_information.manager', undefined],
  ['isDirectorOrAbove', 'TRUE', 'staff_information.director', true],
  ['businessTitle', ' Engineer ', 'staff_information.title', 'Engineer'],
  ['Team', 'Registry', 'staff_information.team', 'Registry'],
  ['WorkerType', 'Employee', 'staff_information.worker_type', 'Employee'],
  ['LocationDescription', 'Berlin', 'staff_information.office_location', 'Berlin'],
  ['WPRDeskNumber', 42, 'staff_information.wpr_desk_number', '42'],
  ['WPRDeskNumber', '', 'staff_information.wpr_desk_number', undefined],
] as const)('%s "%s" is read as %s "%s"', (...row) => {
  const [name, text, path, expected] = row
  expect(read({ [name]: text })[path]).toBe(expected)
})

test('readHrisEntry() finds persons by e-mail in lower case, and keeps what the report calls them', () => {
  const row = readHrisEntry({ PrimaryWorkEmail: 'Pat@Example.ORG', EmployeeID: '17' })
  expect(row.key).toBe(key)
  expect(row.contents?.['access_information.hris']).toEqual({
    employee_id: '17',
    primary_work_email: key,
  })
  expect(row.contents?.['active']).toBe(true)
})

test('readHrisEntry() leaves who has not begun as they are, and names a row without e-mail', () => {
  expect(readHrisEntry({ PrimaryWorkEmail: key, CurrentlyActive: '0' })).toEqual({
    key,
    isPassedOver: true,
  })
  expect(readHrisEntry({ EmployeeID: '17' })).toEqual({ fault: 'no_work_email' })
})
