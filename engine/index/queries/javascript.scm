; What JavaScript alone has.

(field_definition property: (_) @name value: (arrow_function body: (_) @body)) @method
(field_definition property: (_) @name) @field
