import * as d3 from "d3";

// d3 makes its reader of rows with new Function, which artifacts do not have: the same by other means.
function byName(parseRows) {
	return (text, row = (record) => record) => {
		const [columns = [], ...rows] = parseRows(text);
		const records = rows.map((cells, i) => row(Object.fromEntries(columns.map((name, k) => [name, cells[k] ?? ""])), i, columns)).filter((r) => r !== undefined && r !== null);
		return Object.assign(records, { columns });
	};
}
const dsvFormat = (delimiter) => {
	const format = d3.dsvFormat(delimiter);
	return { ...format, parse: byName(format.parseRows) };
};

globalThis.d3 = { ...d3, dsvFormat, csvParse: byName(d3.csvParseRows), tsvParse: byName(d3.tsvParseRows) };
