// Tables of targets: sorted by a click on a heading, searched in all targets, not only in those shown.
document.querySelectorAll(".ranking").forEach(function (ranking) {
  var MOST = 500, table = ranking.querySelector("table"), body = table.tBodies[0], dozen = Array.from(body.rows);
  var filter = ranking.querySelector(".filter"), input = filter.querySelector("input"), all = filter.querySelector(".all");
  var found = filter.querySelector(".found"), stored = ranking.querySelector("script"), rows = null, whole = false, column = 0, up = true;
  var more = "Show " + (+table.dataset.found < +table.dataset.total ? "the best " : "all ") + table.dataset.found;
  var heads = Array.from(table.tHead.rows[table.tHead.rows.length - 1].cells);
  function add(row, tag, text, name) {
    var cell = document.createElement(tag);
    cell.textContent = text;
    cell.className = name;
    row.append(cell);
    return cell;
  }
  function make(values) {
    var row = document.createElement("tr");
    add(row, "td", values[0], "number");
    var name = add(row, "th", values[1], "");
    name.scope = "row";
    if (values[2]) { add(name, "span", values[2], "note"); }
    values[3].split("|").forEach(function (text, place) {
      add(row, "td", text, heads[place + 2].className + (text.endsWith("*") ? " best" : ""));
    });
    return row;
  }
  function read() {
    if (rows) { return; }
    rows = dozen.slice();
    if (stored) { JSON.parse(stored.textContent).forEach(function (values) { rows.push(make(values)); }); }
  }
  function key(row) {
    var text = row.cells[column].textContent, number = parseFloat(text.replace(/[,*]/g, ""));
    return column === 1 || isNaN(number) ? (/^[\u2013]?$/.test(text) ? null : text) : number;
  }
  function compare(a, b) {
    if (a.key === null || b.key === null) { return (a.key === null) - (b.key === null); }
    var order = typeof a.key === "number" && typeof b.key === "number" ? a.key - b.key : String(a.key).localeCompare(String(b.key));
    return up ? order : -order;
  }
  function show() {
    var wanted = input.value.trim().toLowerCase(), from = wanted || whole ? rows : dozen;
    var keyed = from.map(function (row) { return { row: row, key: key(row) }; }).sort(compare);
    var chosen = keyed.map(function (each) { return each.row; });
    if (wanted) { chosen = chosen.filter(function (row) { return row.cells[1].textContent.toLowerCase().includes(wanted); }); }
    body.replaceChildren.apply(body, chosen.slice(0, MOST));
    var total = +table.dataset.total, known = +table.dataset.found;
    var text = wanted ? chosen.length + " of " + (known < total ? "the best " + known : total) + " targets" : "";
    if (chosen.length > MOST) { text = (text || chosen.length + " targets") + ", the first " + MOST + " shown"; }
    else if (!wanted && whole && known < total) { text = "The best " + known + "; the rest are in metrics.tsv"; }
    found.textContent = text && text + ".";
    all.textContent = whole ? "Show a dozen" : more;
  }
  function change() { read(); show(); }
  filter.hidden = dozen.length < 2;
  all.hidden = !stored;
  all.textContent = more;
  table.classList.add("sortable");
  input.addEventListener("input", change);
  all.addEventListener("click", function () { whole = !whole; change(); });
  heads.forEach(function (head, place) {
    var button = document.createElement("button");
    button.append.apply(button, Array.from(head.childNodes));
    button.type = "button";
    head.append(button);
    button.addEventListener("click", function () {
      up = head.getAttribute("aria-sort") === "descending" || (!head.hasAttribute("aria-sort") && place < 2);
      column = place;
      heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      change();
    });
  });
});
document.querySelectorAll("table.models tr.model").forEach(function (row) {
  var members = [], next = row.nextElementSibling;
  while (next && next.className === "replicate") { members.push(next); next = next.nextElementSibling; }
  if (!members.length) { return; }
  var button = document.createElement("button");
  function show(on) {
    members.forEach(function (member) { member.hidden = !on; });
    button.setAttribute("aria-expanded", on);
    button.textContent = on ? "hide replicates" : "show replicates";
  }
  button.type = "button";
  button.addEventListener("click", function () { show(members[0].hidden); });
  row.cells[0].append(button);
  show(false);
});
