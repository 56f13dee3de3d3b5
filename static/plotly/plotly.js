// Plotly as a module. It would write its style sheets into <style> elements, which the content security policy forbids and
// which get no exception: it finds elements of those names here, whose sheets are constructed ones.
import "./sheets.js";
import Plotly from "plotly.js-basic-dist-min";

export default Plotly;
