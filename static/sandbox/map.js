// Source maps, as far as it takes to say where an error lies in the code as it was written.
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

function numbers(segment) {
	const list = [];
	let value = 0, shift = 0;
	for (const letter of segment) {
		const digit = DIGITS.indexOf(letter);
		value += (digit & 31) << shift;
		shift += 5;
		if (digit & 32) continue;
		list.push(value & 1 ? -(value >> 1) : value >> 1);
		value = shift = 0;
	}
	return list;
}

function read(mappings) {
	let line = 0, column = 0;
	return mappings.split(";").map((row) => {
		let at = 0;
		return row.split(",").filter(Boolean).map((segment) => {
			const [step, , lines = 0, columns = 0] = numbers(segment);
			at += step;
			line += lines;
			column += columns;
			return { at, line: line + 1, column: column + 1 };
		});
	});
}

/** A function from a place in what runs (1-based) to the place in what was written. */
export function linesOf(map) {
	let rows;
	return (line, column) => {
		rows ??= read(map.mappings);
		const row = rows[line - 1] ?? [];
		const found = row.findLast((segment) => segment.at <= column - 1) ?? row[0];
		return found ? { line: found.line, column: found.column } : { line, column };
	};
}
