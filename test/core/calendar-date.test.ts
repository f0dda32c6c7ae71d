import { isCalendarDate } from '../../core/calendar-date.ts'

test.each([1899, 1900, 1999, 2000, 2023, 2024, 2100])(
  'isCalendarDate() takes exactly the days of %d',
  (year) => {
    const numbers = Array.from({ length: 100 }, (_, index) => String(index).padStart(2, '0'))
    const taken = numbers.flatMap((month) =>
      numbers.map((day) => `${year}-${month}-${day}`).filter(isCalendarDate),
    )
    expect(taken).toEqual(listDays(year))
  },
)

function listDays(year: number): string[] {
  const days: string[] = []
  const day = new Date(Date.UTC(year, 0, 1))
  while (day.getUTCFullYear() === year) {
    days.push(day.toISOString().slice(0, 10))
    day.setUTCDate(day.getUTCDate() + 1)
  }
  return days
}
