//! Counts the rows and columns of a CSV file, whose bytes come in chunks while the file is hashed.
//!
//! `csv-core` parses the header. The rows are only counted, by jumping from one quote or line end to the next: parsing
//! each field would make hashing wait for CSV.

use csv_core::{ReadFieldResult, Reader, ReaderBuilder};
use memchr::{memchr, memchr3};

use super::manifest::Table;
use super::name;

/// Takes the bytes of one CSV file in order.
pub(super) struct TableReader {
    delimiter: u8,
    state: State,
    table: Table,
}

enum State {
    Header(Box<Header>),
    Rows(Rows),
}

struct Header {
    reader: Reader,
    name: Vec<u8>,
}

/// The position in a record.
#[derive(Clone, Copy)]
enum Rows {
    /// Before the record's first byte.
    Start,
    /// Outside of quotes. `opens` says whether a quote would open a quoted field here.
    Field { opens: bool },
    /// Inside a quoted field.
    Quoted,
    /// After a quote in a quoted field: a second quote is literal, any other byte ends the quoting.
    QuoteInQuoted,
}

impl TableReader {
    /// A reader if `name` is the name of a CSV file.
    pub(super) fn for_name(name: &str) -> Option<TableReader> {
        let (stem, extension) = name.rsplit('/').next()?.rsplit_once('.')?;
        if stem.is_empty() {
            return None;
        }
        match extension.to_ascii_lowercase().as_str() {
            "csv" => Some(TableReader::new(b',')),
            "tsv" => Some(TableReader::new(b'\t')),
            _ => None,
        }
    }

    fn new(delimiter: u8) -> TableReader {
        let reader = ReaderBuilder::new().delimiter(delimiter).build();
        let state = State::Header(Box::new(Header { reader, name: Vec::new() }));
        TableReader { delimiter, state, table: Table::default() }
    }

    /// Takes the next bytes of the file. The first chunk must be longer than a byte order mark, unless it is the whole
    /// file.
    pub(super) fn feed(&mut self, mut chunk: &[u8]) {
        if let State::Header(header) = &mut self.state {
            // csv-core takes an empty input for the end of the file.
            while !chunk.is_empty() {
                let (used, ended) = header.step(chunk, &mut self.table);
                chunk = &chunk[used..];
                if ended {
                    self.state = State::Rows(Rows::Start);
                    break;
                }
            }
        }
        if let State::Rows(rows) = &mut self.state {
            *rows = rows.count(chunk, self.delimiter, &mut self.table.rows);
        }
    }

    pub(super) fn finish(mut self) -> Table {
        match &mut self.state {
            // The file ends inside the header line, or is empty.
            State::Header(header) => while !header.step(&[], &mut self.table).1 {},
            State::Rows(Rows::Start) => {}
            // The last line may lack its line end.
            State::Rows(_) => self.table.rows += 1,
        }
        self.table
    }
}

impl Header {
    /// Parses one field or a part of it. Returns the number of bytes used, and whether the header is complete.
    fn step(&mut self, input: &[u8], table: &mut Table) -> (usize, bool) {
        let mut out = [0; 1024];
        let (result, used, written) = self.reader.read_field(input, &mut out);
        let room = Table::MAX_NAME_BYTES - self.name.len();
        self.name.extend_from_slice(&out[..written.min(room)]);
        match result {
            ReadFieldResult::Field { record_end } => {
                table.columns += 1;
                if table.names.len() < Table::MAX_NAMES {
                    table.names.push(name::escape(&self.name));
                }
                self.name.clear();
                (used, record_end)
            }
            ReadFieldResult::InputEmpty | ReadFieldResult::OutputFull => (used, false),
            ReadFieldResult::End => (used, true),
        }
    }
}

impl Rows {
    /// Adds the number of records that end in `chunk` to `rows`. Returns the position at the end of the chunk. The
    /// rules are those of csv-core: a quote opens a quoted field only at the start of the field, and both CR and LF end
    /// a record.
    fn count(self, chunk: &[u8], delimiter: u8, rows: &mut u64) -> Rows {
        let mut state = self;
        let mut at = 0;
        while let Some(&byte) = chunk.get(at) {
            match state {
                Rows::Start if byte == b'\n' || byte == b'\r' => at += 1,
                Rows::Start => state = Rows::Field { opens: true },
                Rows::Quoted => match memchr(b'"', &chunk[at..]) {
                    Some(n) => {
                        at += n + 1;
                        state = Rows::QuoteInQuoted;
                    }
                    None => return state,
                },
                Rows::QuoteInQuoted if byte == b'"' => {
                    at += 1;
                    state = Rows::Quoted;
                }
                // This position is not the start of a field, because bytes between a closing quote and the next
                // delimiter are literal.
                Rows::QuoteInQuoted => state = Rows::Field { opens: false },
                Rows::Field { opens } => {
                    let Some(n) = memchr3(b'"', b'\n', b'\r', &chunk[at..]) else {
                        let last = chunk[chunk.len() - 1];
                        return Rows::Field { opens: last == delimiter };
                    };
                    let opens = if n == 0 { opens } else { chunk[at + n - 1] == delimiter };
                    at += n + 1;
                    state = match chunk[at - 1] {
                        b'"' if opens => Rows::Quoted,
                        b'"' => Rows::Field { opens: false },
                        _ => {
                            *rows += 1;
                            Rows::Start
                        }
                    };
                }
            }
        }
        state
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(name: &str, bytes: &[u8], chunk: usize) -> Table {
        let mut reader = TableReader::for_name(name).expect("a CSV file's name");
        bytes.chunks(chunk).for_each(|c| reader.feed(c));
        reader.finish()
    }

    /// Counts rows and columns with csv-core alone. [`TableReader`] must give the same numbers.
    fn read_slowly(bytes: &[u8]) -> (u64, u64) {
        let mut reader = Reader::new();
        let (mut rows, mut columns, mut at, mut out) = (0, 0, 0, [0; 4096]);
        loop {
            let (result, used, _) = reader.read_field(&bytes[at..], &mut out);
            at += used;
            match result {
                ReadFieldResult::Field { record_end } => {
                    columns += u64::from(rows == 0);
                    rows += u64::from(record_end);
                }
                ReadFieldResult::End => return (u64::saturating_sub(rows, 1), columns),
                _ => {}
            }
        }
    }

    #[track_caller]
    fn check(text: &str, rows: u64, names: &[&str]) {
        for chunk in [4, 5, 7, 1000] {
            let table = read("x.csv", text.as_bytes(), chunk);
            assert_eq!(table.names, names, "{text:?} in chunks of {chunk}");
            assert_eq!(table.columns, names.len() as u64, "{text:?} in chunks of {chunk}");
            assert_eq!(table.rows, rows, "{text:?} in chunks of {chunk}");
        }
    }

    #[test]
    fn rows_and_columns_are_counted() {
        check("", 0, &[]);
        check("\n\n", 0, &[]);
        check("id", 0, &["id"]);
        check("id,name\n", 0, &["id", "name"]);
        check("id,name\n1,a\n2,b\n", 2, &["id", "name"]);
        check("id,name\n1,a\n2,b", 2, &["id", "name"]);
        check("id,name\r\n1,a\r\n2,b\r\n", 2, &["id", "name"]);
        check("id,name\r1,a\r2,b", 2, &["id", "name"]);
        check("id,name\n\n1,a\n\n\n2,b\n\n", 2, &["id", "name"]);
        check("\u{feff}id,name\n1,a\n", 1, &["id", "name"]);
        check("\u{feff}", 0, &[]);
        check("\"a,b\",\"c\nd\",\"e\"\"f\"\n1,2,3\n", 1, &["a,b", "c\nd", "e\"f"]);
        check("id,t\n1,\"line\nline\"\n2,\"say \"\"hi\"\"\n\"\n3,x\n", 3, &["id", "t"]);
        check("id,t\n1,5\" nails\n2,6\" nails\n", 2, &["id", "t"]);
        check("id,t\n1,\"open\n2,b\n", 1, &["id", "t"]);
        check("id,t\n\"\",\"\"\n,\n", 2, &["id", "t"]);
        check("back\\slash,b\n", 0, &["back\\\\slash", "b"]);
    }

    #[test]
    fn which_names_are_tables() {
        for (name, expected) in [
            ("a.csv", true),
            ("d/a.TSV", true),
            ("a.txt", false),
            ("csv", false),
            (".csv", false),
            ("a.csv/b", false),
        ] {
            assert_eq!(TableReader::for_name(name).is_some(), expected, "{name}");
        }
        assert_eq!(read("x.tsv", b"a\tb,c\n1\t2\n", 100).names, ["a", "b,c"]);
    }

    #[test]
    fn a_long_header_is_cut() {
        let header: Vec<String> = (0..70).map(|i| format!("c{i}")).collect();
        let table = read("x.csv", header.join(",").as_bytes(), 5);
        assert_eq!((table.columns, table.names.len()), (70, Table::MAX_NAMES));
        let table = read("x.csv", &[b'x'; 100_000], 4096);
        assert_eq!((table.columns, table.names[0].len()), (1, Table::MAX_NAME_BYTES));
    }

    proptest! {
        #[test]
        fn counts_as_csv_core_does(text in "[ab,\"\n\r]{0,40}", chunk in 1..9usize) {
            let table = read("x.csv", text.as_bytes(), chunk);
            prop_assert_eq!((table.rows, table.columns), read_slowly(text.as_bytes()));
        }
    }
}
