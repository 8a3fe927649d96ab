"""The shapes of Grafana's dashboard JSON that dashboard.py needs: panels, rows, variables. Plain values, in a fixed order."""

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
GREEN, YELLOW, ORANGE, RED, BLUE = "green", "yellow", "orange", "red", "blue"
WIDTH = 24


def steps(first, *more):
    """Colours from a value on: steps("red", (7, "yellow"), (14, "green"))."""
    return {"mode": "absolute", "steps": [{"color": first, "value": None}, *({"color": color, "value": value} for value, color in more)]}


def words(by_value):
    """What to write for a value, and its colour: words({0: ("refused", "red")})."""
    options = {str(value): {"text": text, "color": color, "index": index} for index, (value, (text, color)) in enumerate(by_value.items())}
    return [{"type": "value", "options": options}]


def query(expr, legend="", *, instant=False):
    return {"datasource": DATASOURCE, "editorMode": "code", "expr": expr, "legendFormat": legend or "__auto",
            "instant": instant, "range": not instant, "format": "table" if instant else "time_series"}


def _panel(kind, title, about, size, queries, defaults, options, overrides=()):
    targets = [{"refId": chr(ord("A") + index), **each} for index, each in enumerate(queries)]
    return {"type": kind, "title": title, "description": about, "gridPos": {"w": size[0], "h": size[1]}, "datasource": DATASOURCE,
            "targets": targets, "fieldConfig": {"defaults": defaults, "overrides": list(overrides)}, "options": options}


def _color(name, color):
    return {"matcher": {"id": "byName", "options": name}, "properties": [{"id": "color", "value": {"mode": "fixed", "fixedColor": color}}]}


def timeseries(title, about, unit, *queries, size=(12, 8), stack=False, bars=False, colors=None, limit=None, top=None):
    """`limit`: a value from which it is too much, drawn as a line. `top`: the axis' end. `colors`: of legends."""
    custom = {"drawStyle": "bars" if bars else "line", "lineWidth": 1, "fillOpacity": 60 if bars else 25 if stack else 8,
              "showPoints": "never",
              "spanNulls": False, "stacking": {"mode": "normal" if stack or bars else "none", "group": "A"},
              "thresholdsStyle": {"mode": "dashed" if limit is not None else "off"}}
    defaults = {"unit": unit, "min": 0, "color": {"mode": "palette-classic"}, "custom": custom,
                "thresholds": steps(GREEN) if limit is None else steps(GREEN, (limit, RED))}
    if top is not None:
        defaults["max"] = top
    options = {"legend": {"showLegend": True, "displayMode": "table", "placement": "right", "calcs": ["lastNotNull", "max"]},
               "tooltip": {"mode": "multi", "sort": "desc"}}
    return _panel("timeseries", title, about, size, queries, defaults, options, [_color(*each) for each in (colors or {}).items()])


def stat(title, about, unit, one_query, thresholds, *, mappings=None, size=(3, 4)):
    defaults = {"unit": unit, "color": {"mode": "thresholds"}, "thresholds": thresholds, "mappings": mappings or []}
    options = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "colorMode": "value", "graphMode": "area",
               "justifyMode": "auto", "orientation": "auto", "textMode": "auto", "wideLayout": True}
    return _panel("stat", title, about, size, [one_query], defaults, options)


def timeline(title, about, one_query, mappings, *, size=(12, 8)):
    """States over time, a line for each series."""
    defaults = {"unit": "none", "color": {"mode": "thresholds"}, "thresholds": steps(GREEN), "mappings": mappings,
                "custom": {"fillOpacity": 70, "lineWidth": 0}}
    options = {"mergeValues": True, "showValue": "never", "alignValue": "left", "rowHeight": 0.9,
               "legend": {"showLegend": True, "displayMode": "list", "placement": "bottom", "calcs": []},
               "tooltip": {"mode": "single", "sort": "none"}}
    return _panel("state-timeline", title, about, size, [one_query], defaults, options)


def table(title, about, unit, expr, value, columns, thresholds, *, descending=False, size=(12, 8)):
    """One line for each series: its labels as `columns` (label to title), then its `value`."""
    shown = [*columns, "Value"]
    defaults = {"unit": "none", "color": {"mode": "thresholds"}, "thresholds": steps(GREEN),
                "custom": {"align": "auto", "filterable": True}}
    cell = {"matcher": {"id": "byName", "options": value}, "properties": [
        {"id": "unit", "value": unit}, {"id": "decimals", "value": 1}, {"id": "thresholds", "value": thresholds},
        {"id": "custom.cellOptions", "value": {"type": "color-background", "mode": "basic"}}]}
    options = {"showHeader": True, "cellHeight": "sm", "sortBy": [{"displayName": value, "desc": descending}]}
    panel = _panel("table", title, about, size, [query(expr, instant=True)], defaults, options, [cell])
    panel["transformations"] = [{"id": "organize", "options": {
        "excludeByName": {"Time": True}, "includeByName": {}, "indexByName": {name: index for index, name in enumerate(shown)},
        "renameByName": {**columns, "Value": value}}}]
    return panel


def laid_out(rows):
    """Rows of (title, panels) as one list: panels from left to right, wrapped at the width, numbered in their order."""
    panels, top, number = [], 0, 0
    for title, members in rows:
        number += 1
        panels.append({"id": number, "type": "row", "title": title, "collapsed": False, "panels": [],
                       "gridPos": {"x": 0, "y": top, "w": WIDTH, "h": 1}})
        top, left, height = top + 1, 0, 0
        for panel in members:
            number += 1
            place = panel["gridPos"]
            if left + place["w"] > WIDTH:
                top, left, height = top + height, 0, 0
            panels.append({"id": number, **panel, "gridPos": {"x": left, "y": top, **place}})
            left, height = left + place["w"], max(height, place["h"])
        top += height
    return panels


def datasource_variable():
    """Import asks for the data source and puts it where ${DS_PROMETHEUS} stands; provisioning leaves that as it is, and Grafana takes the
    first data source of the type."""
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "regex": "", "hide": 0, "refresh": 1,
            "current": {"selected": False, "text": "${DS_PROMETHEUS}", "value": "${DS_PROMETHEUS}"}, "includeAll": False, "multi": False,
            "options": [], "skipUrlSync": False}


def label_variable(name, label, expr):
    """Any of the values, all at first."""
    return {"name": name, "label": label, "type": "query", "datasource": DATASOURCE,
            "query": {"qryType": 1, "query": expr, "refId": "PrometheusVariableQueryEditor-VariableQuery"}, "regex": "", "hide": 0,
            "refresh": 2,
            "sort": 1, "multi": True, "includeAll": True, "allValue": ".*", "options": [], "skipUrlSync": False,
            "current": {"selected": True, "text": ["All"], "value": ["$__all"]}}
