document.querySelectorAll("table.metrics").forEach(function (table) {
  var body = table.tBodies[0], rows = Array.from(body.rows), filter = table.parentNode.previousElementSibling;
  var input = filter.querySelector("input"), found = filter.querySelector(".found");
  filter.hidden = rows.length < 2;
  table.classList.add("sortable");
  input.addEventListener("input", function () {
    var wanted = input.value.toLowerCase(), count = 0;
    rows.forEach(function (row) {
      row.hidden = !row.cells[1].textContent.toLowerCase().includes(wanted);
      count += row.hidden ? 0 : 1;
    });
    found.textContent = wanted ? count + " of " + rows.length + " shown." : "";
  });
  Array.from(table.tHead.rows[table.tHead.rows.length - 1].cells).forEach(function (head, place) {
    var button = document.createElement("button");
    button.append.apply(button, Array.from(head.childNodes));
    head.append(button);
    button.addEventListener("click", function () {
      var up = head.getAttribute("aria-sort") === "descending" || (!head.hasAttribute("aria-sort") && place < 2);
      Array.from(head.parentNode.cells).forEach(function (other) { other.removeAttribute("aria-sort"); });
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      rows.sort(function (a, b) {
        var x = a.cells[place].dataset.sort, y = b.cells[place].dataset.sort, order;
        if (x === undefined) { order = a.cells[place].textContent.localeCompare(b.cells[place].textContent); }
        else if (x === "" || y === "") { return (x === "") - (y === ""); }
        else { order = x - y; }
        return up ? order : -order;
      });
      body.append.apply(body, rows);
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
