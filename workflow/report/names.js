// igv.js takes text for HTML: of what was pressed on, and of contigs that are shown side by side.
function keepNamesText(browser) {
  "use strict";
  function escape(text) {
    var holder = document.createElement("p");
    holder.textContent = text;
    return holder.innerHTML.replace(/"/g, "&quot;");
  }
  browser.on("trackclick", function (track, lines) {
    return lines && lines.length ? lines.map(function (line) {
      var name = line.name ? "<span>" + escape(line.name) + "</span>&nbsp&nbsp&nbsp" : "";
      var text = String(line.name ? line.value : line.html || line);
      return text.startsWith("<hr") ? "<hr>" : '<div title="' + escape(text) + '">' + name + escape(text) + "</div>";
    }).join("") : undefined;
  });
  var frame = Object.getPrototypeOf(browser.referenceFrameList[0]);
  ["getMultiLocusLabel", "getMultiLocusLabelBPLengthOnly"].forEach(function (name) {
    var label = frame[name];
    frame[name] = function (width) {
      var here = Object.create(this, { chr: { value: escape(this.chr) } });
      return label.call(here, width);
    };
  });
}
