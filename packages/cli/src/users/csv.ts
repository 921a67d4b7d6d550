/** A record of a CSV file and the line on which it begins. */
export interface CsvRecord {
  readonly line: number;
  readonly fields: readonly string[];
  /** What is wrong with how it is written. */
  readonly problem?: string;
}

/** A field with what ends it: in quotation marks, which stand twice where they belong to it, or without any. */
const FIELD = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n]*))(,|\r?\n|$)/y;

/** Reads CSV (RFC 4180). Lines without anything are left out. What cannot be read ends its line, and the next one is read. */
export function parseCsv(text: string): readonly CsvRecord[] {
  const records: CsvRecord[] = [];
  let fields: string[] = [];
  let line = 1;
  let begun = 1;
  for (let at = 0; at < text.length;) {
    FIELD.lastIndex = at;
    const match = FIELD.exec(text);
    if (match === null) {
      const problem = 'a quotation mark stands where none may be, or is not closed';
      records.push({ line: begun, fields: [], problem });
      const end = text.indexOf('\n', at);
      at = end === -1 ? text.length : end + 1;
      line += 1;
    } else {
      const [whole, quoted, plain = '', end = ''] = match;
      fields.push(quoted?.replaceAll('""', '"') ?? plain);
      line += whole.split('\n').length - 1;
      at += whole.length;
      if (end === ',' && at < text.length) continue;
      if (end === ',') fields.push('');
      if (fields.length > 1 || fields[0] !== '') records.push({ line: begun, fields });
    }
    fields = [];
    begun = line;
  }
  return records;
}
