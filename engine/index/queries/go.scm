; What Go defines and imports. Each pattern begins with the node that is the definition; the first that fits wins.
; `top`: only where no function is around it.

(package_clause (package_identifier) @name) @module
(function_declaration name: (_) @name body: (_) @body) @function
(function_declaration name: (_) @name) @function
(method_declaration receiver: (_) @owner name: (_) @name body: (_) @body) @method
(type_spec name: (_) @name type: (struct_type (field_declaration_list) @body)) @struct
(type_spec name: (_) @name type: (interface_type) @body) @interface
(type_spec name: (_) @name) @type
(type_alias name: (_) @name) @type
(field_declaration name: (_) @name) @field
(method_elem name: (_) @name) @method
((const_spec name: (_) @name) @constant (#set! top))
((var_spec name: (_) @name) @variable (#set! top))

(import_spec) @import
