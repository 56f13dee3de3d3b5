# usage: awk -f lengths.awk lengths.txt app/*.c ...: functions up to 70 lines, files up to 600. Exceptions are lines
# "FILE" or "FILE:FUNCTION" of lengths.txt; one that is no longer needed is an error too.
FILENAME == ARGV[1] {
	if (NF && !/^#/) allowed[$1] = 1
	next
}
function over(what, n, most) {
	if (n <= most) return
	if (what in allowed) used[what] = 1
	else { print what ": " n " lines, at most " most; bad = 1 }
}
FNR == 1 { if (file) over(file, lines, 600); file = FILENAME; start = 0 }
{ lines = FNR }
/^[a-zA-Z_].*\(/ { start = FNR; name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name) }
/^}/ && start { over(file ":" name, FNR - start + 1, 70); start = 0 }
/^[^ \t{}].*;[ \t]*$/ { start = 0 }
END {
	over(file, lines, 600)
	for (what in allowed) if (!(what in used)) { print what ": this exception is not needed"; bad = 1 }
	exit bad
}
