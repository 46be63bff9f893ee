; What Python defines and imports. Each pattern begins with the node that is the definition; the first that fits wins.
; `top`: only where no function is around it.

(function_definition name: (_) @name body: (_) @body) @function
(class_definition name: (_) @name superclasses: (_)? @bases body: (_) @body) @class
((assignment left: (identifier) @name) @variable (#set! top))
(type_alias_statement left: (type (identifier) @name)) @type
(type_alias_statement left: (type (generic_type (identifier) @name))) @type

(import_statement) @import
(import_from_statement) @import
(future_import_statement) @import
