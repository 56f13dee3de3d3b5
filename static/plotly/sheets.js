// The first is the sheet of all charts, where Plotly puts its rules one by one. The second is for maps, which are not in
// this bundle: that it is there is enough.
for (const id of ["plotly.js-style-global", "9f215cf04c5486422605d13261cb87401f4e7763b6296af81e98efbc0130da53"]) {
	const sheet = new CSSStyleSheet();
	const stand = document.createElement("meta");
	stand.id = id;
	Object.defineProperty(stand, "sheet", { value: sheet });
	document.head.append(stand);
	document.adoptedStyleSheets.push(sheet);
}
